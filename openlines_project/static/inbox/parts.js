// Parts of the page that the server writes anew: asked for only when they changed, put in place
// by their id, and left alone where they are what they were. The reader keeps focus and place.

import { tellTime } from './clock.js';

const etags = new Map();
const texts = new Map();

/** Ask for a part. Null when it is what we have, or could not be had just now. */
export async function ask(url) {
  const headers = { 'HX-Request': 'true' };
  if (etags.has(url)) headers['If-None-Match'] = etags.get(url);
  let response;
  try {
    response = await fetch(url, { headers, cache: 'no-store', signal: AbortSignal.timeout(15000) });
  } catch {
    return null; // no network: the next hint, tick or look asks again
  }
  tellTime(response);
  if (response.status === 401) {
    location.assign(`${document.body.dataset.login}?next=${encodeURIComponent(location.pathname)}`);
  }
  if (response.status !== 200) return null;
  const text = await response.text();
  etags.set(url, response.headers.get('ETag'));
  return { text, forget: () => etags.delete(url) };
}

export function parse(html) {
  return new DOMParser().parseFromString(html, 'text/html');
}

/** Remember what stands there now, before scripts change it. */
export function remember(root) {
  for (const part of root.querySelectorAll('[data-part], #list li[id]')) {
    texts.set(part.id, part.outerHTML);
  }
}

/** Put a fresh part in the place of the old one of the same id. Whether anything changed. */
export function place(fresh) {
  const old = document.getElementById(fresh.id);
  const text = fresh.outerHTML;
  if (!old || texts.get(fresh.id) === text) return false;
  texts.set(fresh.id, text);
  keepFocus(() => {
    for (const fold of fresh.querySelectorAll('details[id]')) {
      const before = document.getElementById(fold.id);
      if (before) fold.open = before.open;
    }
    if (fresh.classList.contains('chunk')) keepRows(fresh);
    const adopted = document.adoptNode(fresh);
    old.replaceWith(adopted);
    window.htmx?.process(adopted);
  });
  return true;
}

/** Rows that did not change move into the new list as they are. */
function keepRows(fresh) {
  for (const row of fresh.querySelectorAll('li[id]')) {
    const old = document.getElementById(row.id);
    const text = row.outerHTML;
    if (old && texts.get(row.id) === text) row.replaceWith(old);
    texts.set(row.id, text);
  }
}

/** Whose control is written anew finds himself on it; where it is gone, in the pane it stood in. */
function keepFocus(change) {
  const focused = document.activeElement;
  const pane = focused?.closest('#chat') ? 'thread' : 'list';
  const scroller = document.getElementById('list');
  const top = scroller?.scrollTop;
  change();
  if (scroller) scroller.scrollTop = top;
  if (!focused || focused === document.body || document.activeElement === focused) return;
  const next = document.getElementById(focused.id) ?? document.getElementById(pane);
  next?.focus({ preventScroll: true });
}
