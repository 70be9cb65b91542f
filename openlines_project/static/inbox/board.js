// The supervisor's page: its parts are asked for anew every few seconds and when something changed.
// Only what is another is put in place, so nothing flickers and nobody loses his place.

import { ask, parse, place } from './parts.js';

const EVERY_MS = 5000;
const GAP_MS = 1000;

let asked = 0;
let waiting = 0;

const board = () => document.getElementById('board');

/** Refresh soon: at once, and at most once a second however many hints come. */
export function refreshBoard() {
  if (!board() || waiting) return;
  waiting = setTimeout(async () => {
    waiting = 0;
    asked = Date.now();
    const part = await ask(board().dataset.source);
    if (part) for (const fresh of parse(part.text).querySelectorAll('[data-part]')) place(fresh);
  }, Math.max(0, asked + GAP_MS - Date.now()));
}

export function bindBoard() {
  if (!board()) return;
  setInterval(() => document.hidden || refreshBoard(), EVERY_MS);
}
