// The inbox: ties together the list, the open chat, the live updates and htmx.

import './zone.js';
import { bindBoard, refreshBoard } from './board.js';
import { startClock } from './clock.js';
import { composerOf } from './composer.js';
import { bindDialog, closeQuestion, isQuestion, questionAsked, questionShown, refuseQuestion } from './dialog.js';
import { bindKeys } from './keys.js';
import { morePages, refreshList, shown } from './list.js';
import { listen } from './live.js';
import { bindMenus } from './menu.js';
import { remember } from './parts.js';
import { bindSwitch } from './sound.js';
import { chatOpened, csrfToken, knownVersion, markRead, mergeThread, openConversation, refreshThread, refreshWriting, tidyDays } from './thread.js';
import { toast } from './toast.js';
import { say } from './words.js';

// Hints may be lost: now and then the page asks by itself.
const LOOK_MS = 60000;

function look() {
  refreshList();
  refreshBoard();
  refreshThread();
}

remember(document);
bindSwitch();
bindKeys();
bindMenus();
bindDialog();
bindBoard();
if (document.getElementById('chat')) chatOpened();
shown();
startClock(() => setTimeout(refreshList, 1500));
listen({
  onHints(pairs) {
    refreshList();
    refreshBoard();
    const versions = pairs.filter(([id]) => id === openConversation()).map(([, version]) => version);
    if (versions.some((version) => version > knownVersion())) refreshThread();
    else if (versions.length) refreshWriting();
  },
  onLook(isHolder) {
    if (isHolder || !document.hidden) look();
  },
});
setInterval(() => document.hidden || look(), LOOK_MS);
document.addEventListener('visibilitychange', () => document.hidden || look());
addEventListener('online', look);
addEventListener('focus', markRead);

/** Take back what was done, with a word when that is not possible any more. */
async function undo(address) {
  const headers = { 'HX-Request': 'true', 'X-CSRFToken': csrfToken() };
  const response = await fetch(address, { method: 'POST', headers }).catch(() => null);
  if (!response?.ok) toast(response?.status === 409 ? await response.text() : say('failed'));
  look();
}

document.body.addEventListener('htmx:configRequest', (event) => {
  // The cookie is right even when somebody signed in anew in another tab.
  event.detail.formData.delete('csrfmiddlewaretoken');
  event.detail.headers['X-CSRFToken'] = csrfToken();
});
document.body.addEventListener('htmx:beforeRequest', (event) => {
  if (isQuestion(event.detail.target)) questionAsked(event.detail.elt);
});
document.body.addEventListener('htmx:afterRequest', (event) => {
  const { elt, xhr, successful, requestConfig } = event.detail;
  if (!successful || requestConfig.verb === 'get') return;
  const composer = composerOf(elt);
  if (composer) {
    composer.sent();
    mergeThread(xhr.responseText);
  } else {
    const { done, undo: address } = elt.dataset;
    closeQuestion();
    if (done) toast(done, () => undo(address));
    refreshThread();
  }
  refreshList();
  refreshBoard();
});
document.body.addEventListener('htmx:afterSwap', (event) => {
  const { target } = event.detail;
  if (isQuestion(target)) {
    questionShown();
    return;
  }
  if (target.id === 'chat') chatOpened();
  if (target.classList.contains('more')) morePages();
  tidyDays();
  shown();
});
document.body.addEventListener('htmx:responseError', (event) => {
  const { elt, xhr } = event.detail;
  if (xhr.status === 401) return; // htmx goes to the sign-in page
  const composer = composerOf(elt);
  if (composer) {
    composer.failed(xhr);
    return;
  }
  const isText = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain');
  const words = isText ? xhr.responseText : say('failed');
  if (!refuseQuestion(words)) toast(words);
  look();
});
for (const name of ['htmx:sendError', 'htmx:timeout']) {
  document.body.addEventListener(name, (event) => {
    const composer = composerOf(event.detail.elt);
    if (composer) composer.failed(event.detail.xhr);
    else if (!refuseQuestion(say('offline'))) toast(say('offline'));
  });
}
