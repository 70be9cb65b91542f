// Small tools that know neither the chat nor its looks.

const SECOND = 1000;

// crypto.randomUUID is missing on pages without https.
function makeUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// An answer that will not change however often the same is asked.
function isRefusal(status) {
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

// One tab at a time, where the browser can say so. Elsewhere the server's keys keep it single.
function withLock(name, run) {
  return navigator.locks ? navigator.locks.request(name, run) : run();
}

// localStorage, or this page's memory where the browser refuses it or it is full.
function makeStore(prefix) {
  const memory = new Map();
  const local = (run, fallback) => {
    try {
      return run(window.localStorage);
    } catch {
      return fallback;
    }
  };
  return {
    prefix,
    get: (name) => memory.get(name) ?? local((store) => store.getItem(prefix + name), null),
    set(name, value) {
      memory.delete(name);
      const kept = local((store) => (store.setItem(prefix + name, value), true), false);
      if (!kept) memory.set(name, value);
    },
    remove(name) {
      memory.delete(name);
      local((store) => store.removeItem(prefix + name));
    },
    names: (start) => [
      ...[...memory.keys()].filter((name) => name.startsWith(start)),
      ...local((store) => Object.keys(store), [])
        .filter((key) => key.startsWith(prefix + start))
        .map((key) => key.slice(prefix.length)),
    ],
    json(name) {
      try {
        return JSON.parse(this.get(name));
      } catch {
        return null;
      }
    },
  };
}

// Where the visitor writes from.
function pageData() {
  return {
    url: location.href.slice(0, 2000),
    title: document.title.slice(0, 300),
    referrer: document.referrer.slice(0, 2000),
  };
}
