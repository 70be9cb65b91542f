// The open chat: what changed is asked for by version and put where it belongs.

import { ask, parse, place, remember } from './parts.js';
import { bindComposers, knowVersion } from './composer.js';

const chat = () => document.getElementById('chat');
let busy = false;
let again = false;

export const openConversation = () => Number(chat()?.dataset.conversation);
export const knownVersion = () => Number(chat()?.dataset.version);

export async function refreshThread() {
  if (!chat()?.dataset.session) return;
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  const { source, version } = chat().dataset;
  const part = await ask(`${source}?since=${version}`);
  busy = false;
  if (part && chat()?.dataset.source === source) mergeThread(part.text);
  else part?.forget();
  if (again) {
    again = false;
    await refreshThread();
  }
}

/** Whether the customer writes just now: that raises no version. */
export async function refreshWriting() {
  const { source, writing } = chat()?.dataset ?? {};
  if (!writing) return;
  const part = await ask(writing);
  if (part && chat()?.dataset.source === source) place(parse(part.text).getElementById('chat-writing'));
  else part?.forget();
}

/** Bring the open chat up to date with what the server wrote for it. */
export function mergeThread(html) {
  const page = parse(html);
  const rows = page.getElementById('rows-of-thread');
  if (!rows || page.getElementById('chat-head')?.dataset.read !== readAddress()) return;
  if (!('past' in chat().dataset)) for (const row of [...rows.children]) placeRow(row);
  chat().dataset.version = Math.max(Number(rows.dataset.version), knownVersion());
  for (const id of ['chat-head', 'chat-writing', 'chat-state', 'card']) place(page.getElementById(id));
  const foot = page.getElementById('chat-foot');
  const old = document.getElementById('chat-foot');
  // The field somebody is writing in stays as long as he may write.
  if (foot.dataset.foot !== 'composer' || old.dataset.foot !== 'composer') {
    if (place(foot)) bindComposers();
  }
  knowVersion(chat().dataset.version);
  markRead();
}

const readAddress = () => document.getElementById('chat-head')?.dataset.read;

function placeRow(fresh) {
  const old = document.getElementById(fresh.id);
  if (old) {
    update(old, fresh);
    return;
  }
  const list = document.getElementById('rows-of-thread');
  let before = list.lastElementChild;
  while (before && before.id !== 'earlier-messages' && isAfter(before, fresh)) {
    before = before.previousElementSibling;
  }
  if (before?.id === 'earlier-messages') return; // it stands among what is not loaded
  const adopted = document.adoptNode(fresh);
  if (before) before.after(adopted);
  else list.prepend(adopted);
  window.htmx?.process(adopted);
}

/** Change only what differs: a reader of the log hears a new tick, not the message again. */
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  old.className = fresh.className;
  const before = [...old.children];
  const after = [...fresh.children];
  if (before.length !== after.length) {
    old.replaceChildren(...after.map((node) => document.adoptNode(node)));
  } else {
    before.forEach((node, index) => {
      if (!node.isEqualNode(after[index])) node.replaceWith(document.adoptNode(after[index]));
    });
  }
  window.htmx?.process(old);
}

function isAfter(row, fresh) {
  if (row.dataset.seq && fresh.dataset.seq) return Number(row.dataset.seq) > Number(fresh.dataset.seq);
  const [a, b] = [Number(row.dataset.at), Number(fresh.dataset.at)];
  return a > b || (a === b && Number(row.dataset.rank) > Number(fresh.dataset.rank));
}

/** Days stand above their first message only, also when earlier ones come above. */
export function tidyDays() {
  const seen = new Set();
  for (const day of document.querySelectorAll('#rows-of-thread > .day')) {
    if (seen.has(day.id)) day.remove();
    seen.add(day.id);
  }
}

/** Tell the server that the reader has the newest messages before his eyes. */
export async function markRead() {
  const head = document.getElementById('chat-head');
  if (!head || !Number(head.dataset.unread) || document.hidden || !document.hasFocus()) return;
  head.dataset.unread = '0';
  await fetch(head.dataset.read, {
    method: 'POST',
    headers: { 'HX-Request': 'true', 'X-CSRFToken': csrfToken() },
  }).catch(() => {});
}

export function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? '';
}

/** A chat was opened: the page around it follows. */
export function chatOpened() {
  remember(chat());
  const isOpen = Boolean(chat().dataset.session);
  document.querySelector('.shell').dataset.pane = isOpen ? 'thread' : 'list';
  bindComposers();
  knowVersion(chat().dataset.version);
  markRead();
  if (!isOpen) return;
  const field = document.getElementById('reply-text');
  const mayWrite = field?.checkVisibility() && matchMedia('(pointer: fine)').matches;
  (mayWrite ? field : document.getElementById('thread')).focus({ preventScroll: true });
}
