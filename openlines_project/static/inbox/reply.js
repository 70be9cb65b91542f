// The reply: its draft survives a reload, a lost network and a crash, and is sent once.
// The key is made with the draft and kept with it: however often it is sent, it counts once.

import { toast } from './toast.js';
import { say } from './words.js';

const PREFIX = 'openlines.draft.';
const MAX_PAUSE_S = 30;
// Platforms show "is typing" for about five seconds.
const TYPING_EVERY_MS = 4000;
// The server, or what stands before it, is away: the same answers as no network.
const AWAY = new Set([0, 502, 503, 504]);

let pause = 2;
let timer = 0;
let typedAt = 0;

const form = () => document.getElementById('reply');
const field = () => document.getElementById('reply-text');
const name = () => PREFIX + form().dataset.draft;

function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(name()));
  } catch {
    return null;
  }
}

function keep() {
  if (field().value) {
    const draft = { text: field().value, key: form().elements.client_key.value };
    localStorage.setItem(name(), JSON.stringify(draft));
  } else {
    localStorage.removeItem(name());
  }
}

/** Tell the customer that somebody writes. Nobody waits for it, and nothing is lost by it. */
function tellTyping() {
  const address = form().dataset.typing;
  if (!address || !field().value || Date.now() - typedAt < TYPING_EVERY_MS) return;
  typedAt = Date.now();
  const headers = { 'X-CSRFToken': form().elements.csrfmiddlewaretoken.value };
  fetch(address, { method: 'POST', headers }).catch(() => {});
}

function clear() {
  field().value = '';
  const files = document.getElementById('reply-files');
  if (files) files.value = '';
  showFiles();
  form().elements.client_key.value = newKey();
  keep();
}

function showFiles() {
  const list = document.getElementById('reply-chosen');
  const files = [...(document.getElementById('reply-files')?.files ?? [])];
  if (!list) return;
  list.hidden = !files.length;
  list.replaceChildren(...files.map((file) => {
    const item = document.createElement('li');
    const words = document.createElement('span');
    words.className = 'cut';
    words.textContent = file.name;
    item.append(words);
    return item;
  }));
}

/** The composer on the page is new: give it its draft and its keys. */
export function bindReply() {
  stop();
  if (!form()) return;
  const draft = read();
  if (draft?.text) {
    field().value = draft.text;
    form().elements.client_key.value = draft.key;
  } else {
    form().elements.client_key.value = newKey();
  }
  field().addEventListener('input', keep);
  field().addEventListener('input', tellTyping);
  field().addEventListener('keydown', (event) => {
    const isEnter = event.key === 'Enter' && !event.isComposing;
    const wantsLine = event.shiftKey || (matchMedia('(pointer: coarse)').matches && !event.ctrlKey);
    if (!isEnter || wantsLine) return;
    event.preventDefault();
    form().requestSubmit();
  });
  form().addEventListener('submit', (event) => {
    const files = document.getElementById('reply-files')?.files.length;
    if (field().value.trim() || files) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field().focus();
  }, { capture: true });
  document.getElementById('reply-files')?.addEventListener('change', showFiles);
  document.getElementById('reply-stop').addEventListener('click', stop);
}

/** The version the page knows goes with the reply, so that the answer brings what is new. */
export function replyState() {
  if (form()) form().elements.since.value = document.getElementById('chat').dataset.version;
}

function stop() {
  clearTimeout(timer);
  timer = 0;
  pause = 2;
  wait(false);
}

function wait(isWaiting) {
  if (!form()) return;
  document.getElementById('reply-waits').hidden = !isWaiting;
  form().classList.toggle('is-waiting', isWaiting);
  field().readOnly = isWaiting;
}

function tryAgain() {
  clearTimeout(timer);
  timer = setTimeout(() => form()?.requestSubmit(), pause * 1000);
  pause = Math.min(2 * pause, MAX_PAUSE_S);
}

export function replySent() {
  stop();
  clear();
}

/** The reply did not get through. Whether somebody else has to say so. */
export function replyFailed(xhr) {
  if (AWAY.has(xhr?.status ?? 0)) {
    wait(true);
    tryAgain();
    return;
  }
  stop();
  // Another text went out with this key: the next try is a message of its own.
  if (xhr.getResponseHeader('X-Error-Code') === 'key_reused') {
    form().elements.client_key.value = newKey();
    keep();
  }
  const isText = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain');
  toast(isText ? xhr.responseText : say('failed'));
}

addEventListener('online', () => {
  if (timer) form()?.requestSubmit();
});

// Sent from another tab, or changed there.
addEventListener('storage', (event) => {
  if (!form() || event.key !== name() || document.activeElement === field()) return;
  const draft = read();
  field().value = draft?.text ?? '';
  form().elements.client_key.value = draft?.key ?? newKey();
});
