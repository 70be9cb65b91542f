// The inbox: ties together the list, the open chat, the live updates and htmx.

import './zone.js';
import { bindBoard, refreshBoard } from './board.js';
import { startClock } from './clock.js';
import { bindKeys } from './keys.js';
import { morePages, refreshList, shown } from './list.js';
import { listen } from './live.js';
import { remember } from './parts.js';
import { replyFailed, replySent } from './reply.js';
import { bindSwitch } from './sound.js';
import { chatOpened, csrfToken, knownVersion, markRead, mergeThread, openConversation, refreshThread, tidyDays } from './thread.js';
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
bindBoard();
if (document.getElementById('chat')) chatOpened();
shown();
startClock(() => setTimeout(refreshList, 1500));
listen({
  onHints(pairs) {
    refreshList();
    refreshBoard();
    const isNews = ([id, version]) => id === openConversation() && version > knownVersion();
    if (pairs.some(isNews)) refreshThread();
  },
  onLook(isHolder) {
    if (isHolder || !document.hidden) look();
  },
});
setInterval(() => document.hidden || look(), LOOK_MS);
document.addEventListener('visibilitychange', () => document.hidden || look());
addEventListener('online', look);
addEventListener('focus', markRead);

const isReply = (event) => event.detail.elt.id === 'reply';

document.body.addEventListener('htmx:configRequest', (event) => {
  // The cookie is right even when somebody signed in anew in another tab.
  event.detail.formData.delete('csrfmiddlewaretoken');
  event.detail.headers['X-CSRFToken'] = csrfToken();
});
document.body.addEventListener('htmx:afterRequest', (event) => {
  const { xhr, successful, requestConfig } = event.detail;
  if (!successful || requestConfig.verb === 'get') return;
  if (isReply(event)) {
    replySent();
    mergeThread(xhr.responseText);
  } else {
    refreshThread();
  }
  refreshList();
  refreshBoard();
});
document.body.addEventListener('htmx:afterSwap', (event) => {
  const { target } = event.detail;
  if (target.id === 'chat') chatOpened();
  if (target.classList.contains('more')) morePages();
  tidyDays();
  shown();
});
document.body.addEventListener('htmx:responseError', (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) return; // htmx goes to the sign-in page
  if (isReply(event)) {
    replyFailed(xhr);
    return;
  }
  const isText = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain');
  toast(isText ? xhr.responseText : say('failed'));
  look();
});
for (const name of ['htmx:sendError', 'htmx:timeout']) {
  document.body.addEventListener(name, (event) => {
    if (isReply(event)) replyFailed(event.detail.xhr);
    else toast(say('offline'));
  });
}
