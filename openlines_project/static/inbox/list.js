// The list pane: refreshed when something changed, with the title's counter and the ringing.

import { ask, parse, place } from './parts.js';
import { chime, ring } from './sound.js';
import { say } from './words.js';

const GAP_MS = 1000;
const title = document.title;
let pages = 1;
let asked = 0;
let waiting = 0;
let unread = null;

/** Refresh soon: at once, and at most once a second however many hints come. */
export function refreshList() {
  if (!document.getElementById('list') || waiting) return;
  waiting = setTimeout(async () => {
    waiting = 0;
    asked = Date.now();
    await load();
  }, Math.max(0, asked + GAP_MS - Date.now()));
}

async function load() {
  const source = document.getElementById('list')?.dataset.source;
  if (!source) return;
  const part = await ask(`${source}${source.includes('?') ? '&' : '?'}pages=${pages}`);
  if (!part || document.getElementById('list')?.dataset.source !== source) {
    part?.forget();
    return;
  }
  for (const fresh of parse(part.text).querySelectorAll('[data-part]')) place(fresh);
  shown();
}

/** After any change of the list: mark the open chat, count, ring. */
export function shown() {
  const open = document.getElementById('chat')?.dataset.session;
  for (const link of document.querySelectorAll('.conv[aria-current]')) link.removeAttribute('aria-current');
  if (open) document.getElementById(`open-${open}`)?.setAttribute('aria-current', 'true');
  count();
  for (const offer of document.querySelectorAll('[data-offer]')) announce(offer.dataset);
}

export function morePages() {
  pages = Math.min(10, pages + 1);
}

function count() {
  const figures = document.getElementById('notices')?.dataset;
  if (!figures) return;
  const attention = Number(figures.attention);
  document.title = attention ? `(${attention}) ${title}` : title;
  const news = Number(figures.news);
  const head = document.getElementById('chat-head');
  // What is before the reader's eyes needs no tone.
  const here = document.hasFocus() ? Number(head?.dataset.unread ?? 0) : 0;
  if (unread !== null && news - here > unread) chime(news);
  unread = news - here;
}

function announce({ offer, name, channel }) {
  const rung = JSON.parse(sessionStorage.getItem('openlines.rung') ?? '[]');
  if (rung.includes(offer)) return;
  sessionStorage.setItem('openlines.rung', JSON.stringify([...rung, offer].slice(-50)));
  const line = document.getElementById('announce');
  if (line) line.textContent = say('newChat', { name, channel });
  ring(offer);
}
