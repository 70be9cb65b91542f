// What is written: an answer or a private note. A draft survives a reload, a lost network and a
// crash, and is sent once. Its key is made with it and kept with it: however often it is sent,
// it counts once.

import { toast } from './toast.js';
import { say } from './words.js';

const PREFIX = 'openlines.draft.';
const MAX_PAUSE_S = 30;
// Platforms show "is typing" for about five seconds.
const TYPING_EVERY_MS = 4000;
// The server, or what stands before it, is away: the same answers as no network.
const AWAY = new Set([0, 502, 503, 504]);

function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The form of this id, with its parts named after it. There may be none on the page just now. */
class Composer {
  constructor(id) {
    this.id = id;
    this.pause = 2;
    this.timer = 0;
    this.typedAt = 0;
  }

  get form() { return document.getElementById(this.id); }

  get field() { return document.getElementById(`${this.id}-text`); }

  get files() { return document.getElementById(`${this.id}-files`); }

  get name() { return PREFIX + this.form.dataset.draft; }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.name));
    } catch {
      return null;
    }
  }

  keep() {
    if (this.field.value) {
      const draft = { text: this.field.value, key: this.form.elements.client_key.value };
      localStorage.setItem(this.name, JSON.stringify(draft));
    } else {
      localStorage.removeItem(this.name);
    }
  }

  /** Put the draft that was kept into the form, or give it a key of its own. */
  restore() {
    const draft = this.read();
    this.field.value = draft?.text ?? '';
    this.form.elements.client_key.value = draft?.key ?? newKey();
  }

  /** The form on the page is new: give it its draft and its keys. */
  bind() {
    this.stop();
    if (!this.form) return;
    this.restore();
    this.field.addEventListener('input', () => this.keep());
    this.field.addEventListener('input', () => this.tellTyping());
    this.field.addEventListener('keydown', (event) => this.onKey(event));
    this.form.addEventListener('submit', (event) => {
      if (this.field.value.trim() || this.files?.files.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.field.focus();
    }, { capture: true });
    this.files?.addEventListener('change', () => this.showFiles());
    document.getElementById(`${this.id}-stop`).addEventListener('click', () => this.stop());
  }

  onKey(event) {
    if (event.key === 'Escape') document.getElementById('thread').focus({ preventScroll: true });
    const isEnter = event.key === 'Enter' && !event.isComposing;
    const wantsLine = event.shiftKey || (matchMedia('(pointer: coarse)').matches && !event.ctrlKey);
    if (!isEnter || wantsLine) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** Tell the customer that somebody writes. Nobody waits for it, and nothing is lost by it. */
  tellTyping() {
    const address = this.form.dataset.typing;
    if (!address || !this.field.value || Date.now() - this.typedAt < TYPING_EVERY_MS) return;
    this.typedAt = Date.now();
    const headers = { 'X-CSRFToken': this.form.elements.csrfmiddlewaretoken.value };
    fetch(address, { method: 'POST', headers }).catch(() => {});
  }

  showFiles() {
    const list = document.getElementById(`${this.id}-chosen`);
    const files = [...(this.files?.files ?? [])];
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

  /** The version the page knows goes with what is sent, so that the answer brings what is new. */
  setVersion(version) {
    if (this.form) this.form.elements.since.value = version;
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.pause = 2;
    this.wait(false);
  }

  wait(isWaiting) {
    if (!this.form) return;
    document.getElementById(`${this.id}-waits`).hidden = !isWaiting;
    this.form.classList.toggle('is-waiting', isWaiting);
    this.field.readOnly = isWaiting;
  }

  tryAgain() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.form?.requestSubmit(), this.pause * 1000);
    this.pause = Math.min(2 * this.pause, MAX_PAUSE_S);
  }

  sent() {
    this.stop();
    if (!this.form) return;
    this.field.value = '';
    if (this.files) this.files.value = '';
    this.showFiles();
    this.form.elements.client_key.value = newKey();
    this.keep();
  }

  /** It did not get through: wait for the network, or say why. */
  failed(xhr) {
    if (AWAY.has(xhr?.status ?? 0)) {
      this.wait(true);
      this.tryAgain();
      return;
    }
    this.stop();
    // Another text went out with this key: the next try is a message of its own.
    if (xhr.getResponseHeader('X-Error-Code') === 'key_reused') {
      this.form.elements.client_key.value = newKey();
      this.keep();
    }
    const isText = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain');
    toast(isText ? xhr.responseText : say('failed'));
  }
}

const composers = [new Composer('reply'), new Composer('note')];

/** The composer whose form this element is. */
export const composerOf = (element) => composers.find(({ id }) => id === element?.id);

/** The foot of the chat is new. */
export function bindComposers() {
  for (const composer of composers) composer.bind();
}

export function knowVersion(version) {
  for (const composer of composers) composer.setVersion(version);
}

addEventListener('online', () => {
  for (const composer of composers) if (composer.timer) composer.form?.requestSubmit();
});

// Sent from another tab, or changed there.
addEventListener('storage', (event) => {
  for (const composer of composers) {
    const isIts = composer.form && event.key === composer.name;
    if (isIts && document.activeElement !== composer.field) composer.restore();
  }
});
