// One stream for all tabs of a browser: HTTP/1.1 gives a host six connections, and eight tabs
// would starve each other. The tab that holds the lock listens and tells the others. Where there
// is no stream, it asks every few seconds instead, and where there are no locks each tab does.

import { csrfToken } from './thread.js';

const POLL_MS = 5000;
const STREAM_AGAIN_MS = 60000;
// Whoever was not heard from for 90 seconds counts as gone.
const PRESENCE_MS = 30000;

/** Say that the inbox is open, whether there is a stream or not; the next time makes up for a lost one. */
function tellPresence() {
  const headers = { 'HX-Request': 'true', 'X-CSRFToken': csrfToken() };
  fetch(document.body.dataset.presence, { method: 'POST', headers }).catch(() => {});
}

/** Calls `onHints(pairs)` for changes and `onLook(isHolder)` when everything is to be asked again. */
export function listen({ onHints, onLook }) {
  const { user, live } = document.body.dataset;
  const name = `openlines.${user}`;
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null;
  let polling = 0;
  let isHolder = false;

  const hear = (message) => {
    if (message.hints) onHints(message.hints);
    else onLook(isHolder);
  };
  const tell = (message) => {
    channel?.postMessage(message);
    hear(message);
  };
  channel?.addEventListener('message', (event) => hear(event.data));

  const poll = () => {
    polling ||= setInterval(() => tell({ look: true }), POLL_MS);
  };
  const rest = () => {
    clearInterval(polling);
    polling = 0;
  };

  const open = () => {
    const stream = new EventSource(live);
    stream.addEventListener('open', () => {
      rest();
      tell({ look: true }); // what happened meanwhile was told to nobody
    });
    stream.addEventListener('hint', (event) => tell({ hints: JSON.parse(event.data) }));
    stream.addEventListener('error', () => {
      poll();
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, STREAM_AGAIN_MS);
    });
  };

  if (navigator.locks && channel) {
    navigator.locks.request(`${name}.live`, () => {
      isHolder = true;
      open();
      setInterval(tellPresence, PRESENCE_MS);
      return new Promise(() => {}); // held until the tab goes
    });
  } else {
    // Without locks (a plain http address) tabs cannot agree on one of them: no stream.
    isHolder = true;
    setInterval(() => onLook(isHolder), POLL_MS);
    setInterval(tellPresence, PRESENCE_MS);
  }
}
