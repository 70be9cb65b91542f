// The chat without its looks: it talks to the server and keeps what must survive a reload.
// It knows no page. Whoever draws it listens to `changed`.

const POLL = { active: 1.5 * SECOND, idle: 4 * SECOND, hidden: 30 * SECOND };
const IDLE_AFTER = 120 * SECOND;
const ASLEEP_AFTER = 15 * 60 * SECOND;
const BACKOFF = [1, 2, 4, 8, 16, 30];
const RENEW_AFTER = 24 * 3600 * SECOND;
const REQUEST_TIMEOUT = 15 * SECOND;
const UPLOAD_TIMEOUT = 120 * SECOND;
const TYPING_EVERY = 3 * SECOND;

class Chat {
  constructor({ base, key, changed }) {
    this.base = base;
    this.changed = changed;
    this.store = makeStore(`openlines:${key}:`);
    this.messages = new Map(); // by seq
    this.uploads = new Map(); // by client id: files do not fit into the store
    this.troubled = new Set(); // client ids whose last try failed
    this.cursor = 0;
    this.hasEarlier = false;
    this.notice = "";
    this.isOffline = false;
    this.isOpen = false;
    this.activeAt = Date.now();
    this.failures = 0;
    this.pollFailures = 0;
    this.told = { delivered: 0, read: 0 };
    this.typedAt = 0;
  }

  start() {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.wake();
    });
    window.addEventListener("online", () => {
      this.failures = 0;
      this.wake();
    });
    window.addEventListener("offline", () => {
      this.isOffline = true;
      this.changed();
    });
    // Another tab wrote, sent or started: show what it did.
    window.addEventListener("storage", (event) => {
      if (!event.key || !event.key.startsWith(this.store.prefix)) return;
      const name = event.key.slice(this.store.prefix.length);
      if (name === "token" || (name.startsWith("out:") && event.newValue === null)) this.poll();
      this.changed();
    });
    this.wake();
  }

  wake() {
    this.flush();
    this.poll();
  }

  touch() {
    const wasSlow = this.interval() > POLL.active;
    this.activeAt = Date.now();
    if (wasSlow) this.poll();
  }

  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.activeAt = Date.now();
    this.poll();
    this.report();
    this.changed();
  }

  // --- requests --------------------------------------------------------------------------

  // Returns {status, data, wait}; status 0 when nothing came back. `wait` in milliseconds.
  async call(path, { method = "GET", json, form, token } = {}) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), form ? UPLOAD_TIMEOUT : REQUEST_TIMEOUT);
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (json) headers["Content-Type"] = "application/json";
    try {
      const response = await fetch(`${this.base}/${path}`, {
        method,
        headers,
        body: form || (json && JSON.stringify(json)),
        credentials: "omit",
        cache: path === "config" ? "default" : "no-store",
        signal: abort.signal,
      });
      const data = await response.json().catch(() => ({}));
      const wait = (Number(response.headers.get("Retry-After")) || 0) * SECOND;
      return { status: response.status, ok: response.ok, data, wait };
    } catch {
      return { status: 0, ok: false, data: {}, wait: 0 };
    } finally {
      clearTimeout(timer);
    }
  }

  config() {
    return this.call("config");
  }

  keptToken() {
    return this.store.json("token");
  }

  // The visitor's token, made on first need, renewed once a day. Null when that failed.
  token() {
    const kept = this.keptToken();
    if (kept && kept.renewAt > Date.now()) return Promise.resolve(kept.token);
    return withLock(`${this.store.prefix}session`, async () => {
      const before = this.keptToken(); // another tab may have been faster
      if (before && before.renewAt > Date.now()) return before.token;
      const answer = await this.call("session", { method: "POST", token: before?.token });
      if (!answer.ok) {
        this.sessionAnswer = answer;
        return before ? before.token : null;
      }
      const meanwhile = this.keptToken();
      if (!before && meanwhile) return meanwhile.token;
      const token = answer.data.visitor_token;
      if (answer.data.is_new) this.store.remove("seen"); // the old one was too old
      this.store.set("token", JSON.stringify({ token, renewAt: Date.now() + RENEW_AFTER }));
      return token;
    });
  }

  // The server does not know the token (any more): begin as a new visitor.
  forget(token) {
    if (this.keptToken()?.token === token) this.store.remove("token");
    this.store.remove("seen");
    this.messages.clear();
    this.cursor = 0;
    this.told = { delivered: 0, read: 0 };
    this.changed();
  }

  // --- writing ---------------------------------------------------------------------------

  // One entry of the store for each message: tabs never overwrite each other's.
  outbox() {
    const kept = this.store.names("out:").map((name) => this.store.json(name));
    return [...kept.filter(Boolean), ...this.uploads.values()].sort((a, b) => a.at - b.at);
  }

  write(text, files = []) {
    const entry = { client_id: makeUuid(), text, at: Date.now(), page: pageData() };
    if (files.length) this.uploads.set(entry.client_id, { ...entry, files });
    else this.keep(entry);
    this.touch();
    this.changed();
    this.failures = 0;
    this.flush();
  }

  keep(entry) {
    if (entry.files) this.uploads.set(entry.client_id, entry);
    else this.store.set(`out:${entry.client_id}`, JSON.stringify(entry));
  }

  drop(clientId) {
    this.uploads.delete(clientId);
    this.troubled.delete(clientId);
    this.store.remove(`out:${clientId}`);
  }

  again(entry) {
    const { failed, ...rest } = entry;
    this.keep(rest);
    this.failures = 0;
    this.changed();
    this.flush();
  }

  discard(entry) {
    this.drop(entry.client_id);
    this.changed();
  }

  async flush() {
    clearTimeout(this.flushTimer);
    if (this.isFlushing) {
      this.flushAgain = true;
      return;
    }
    this.isFlushing = true;
    try {
      do {
        this.flushAgain = false;
        await withLock(`${this.store.prefix}send`, () => this.drain());
      } while (this.flushAgain);
    } finally {
      this.isFlushing = false;
    }
  }

  // Oldest first, one at a time, so that the order stays. Stops at the first that must wait.
  async drain() {
    for (;;) {
      const entry = this.outbox().find((item) => !item.failed && !item.accepted);
      if (!entry) return;
      const wait = await this.deliver(entry);
      if (wait) {
        this.troubled.add(entry.client_id);
        this.flushTimer = setTimeout(() => this.flush(), wait);
        this.changed();
        return;
      }
      this.changed();
    }
  }

  // Returns 0 when the entry is dealt with, else the milliseconds to wait before the next try.
  async deliver(entry) {
    const token = await this.token();
    const answer = token ? await this.post(entry, token) : this.sessionAnswer;
    if (token && answer.status === 401) this.forget(token);
    if (answer.ok) {
      this.failures = 0;
      this.setOffline(false);
      this.accept(entry, answer.data);
      return 0;
    }
    if (isRefusal(answer.status)) {
      const reason = Object.values(answer.data.fields || {})[0]?.[0] || answer.data.detail;
      this.keep({ ...entry, failed: reason || " " });
      return 0;
    }
    this.setOffline(answer.status === 0);
    const step = BACKOFF[Math.min(this.failures++, BACKOFF.length - 1)] * SECOND;
    return Math.max(answer.wait, step * (0.8 + 0.4 * Math.random()));
  }

  post(entry, token) {
    const { client_id, text, page } = entry;
    if (!entry.files) {
      return this.call("messages", { method: "POST", token, json: { client_id, text, page } });
    }
    const form = new FormData();
    form.append("client_id", client_id);
    form.append("text", text);
    form.append("page", JSON.stringify(page));
    for (const file of entry.files) form.append("files", file, file.name);
    return this.call("files", { method: "POST", token, form });
  }

  accept(entry, data) {
    if (data.message) {
      this.drop(entry.client_id);
      this.take(data.message);
    } else {
      // Kept by the server and not in the thread yet: it comes with a later poll.
      this.keep({ ...entry, accepted: true });
    }
    this.notice = data.notice || "";
    this.poll();
  }

  async typing() {
    const kept = this.keptToken();
    if (!kept || !this.messages.size || Date.now() - this.typedAt < TYPING_EVERY) return;
    this.typedAt = Date.now();
    await this.call("typing", { method: "POST", token: kept.token, json: {} });
  }

  // --- reading ---------------------------------------------------------------------------

  interval() {
    const quiet = Date.now() - this.activeAt;
    if (document.hidden || quiet > ASLEEP_AFTER) return POLL.hidden;
    return this.isOpen && quiet < IDLE_AFTER ? POLL.active : POLL.idle;
  }

  async poll() {
    clearTimeout(this.pollTimer);
    if (!this.keptToken()) return; // nothing was written yet: nothing to ask for
    if (this.isPolling) {
      this.pollAgain = true;
      return;
    }
    this.isPolling = true;
    let wait;
    try {
      do {
        this.pollAgain = false;
        wait = await this.pollOnce();
      } while (this.pollAgain && !this.pollFailures);
    } finally {
      this.isPolling = false;
    }
    clearTimeout(this.pollTimer);
    this.pollTimer = setTimeout(() => this.poll(), wait);
  }

  async pollOnce() {
    const token = await this.token();
    if (!token) return this.interval();
    const answer = await this.call(`messages?after=${this.cursor}`, { token });
    if (answer.status === 401) this.forget(token);
    if (!answer.ok) {
      this.setOffline(answer.status === 0);
      const step = BACKOFF[Math.min(this.pollFailures++, BACKOFF.length - 1)] * SECOND;
      return Math.max(answer.wait, step, this.interval());
    }
    this.pollFailures = 0;
    this.setOffline(false);
    this.apply(answer.data);
    if (answer.data.is_partial) this.pollAgain = true;
    return this.interval();
  }

  apply(data) {
    const isFirst = this.cursor === 0;
    if (data.is_reset) {
      this.messages.clear();
      this.hasEarlier = data.has_earlier;
    }
    const isChanged =
      data.is_reset || data.messages.length > 0 || this.notice !== data.notice;
    this.cursor = data.version;
    this.notice = data.notice;
    for (const message of data.messages) {
      if (message.direction === "out" && !isFirst) this.activeAt = Date.now();
      this.take(message);
    }
    if (isChanged) this.changed();
    this.report();
  }

  take(message) {
    if (message.client_id) this.drop(message.client_id);
    if (message.deleted) this.messages.delete(message.seq);
    else this.messages.set(message.seq, message);
  }

  async earlier() {
    const kept = this.keptToken();
    const first = Math.min(...this.messages.keys());
    if (!kept || !Number.isFinite(first)) return;
    const answer = await this.call(`messages?before=${first}`, { token: kept.token });
    if (!answer.ok) return;
    this.hasEarlier = answer.data.has_earlier;
    answer.data.messages.forEach((message) => this.take(message));
    this.changed();
  }

  setOffline(isOffline) {
    if (this.isOffline === isOffline) return;
    this.isOffline = isOffline;
    this.changed();
  }

  answers() {
    return [...this.messages.values()].filter((message) => message.direction === "out");
  }

  unread() {
    const seen = Number(this.store.get("seen")) || 0;
    return this.answers().filter((message) => message.seq > seen);
  }

  // Tell the server how far our messages have come: on this device, or under the visitor's eyes.
  async report() {
    const isSeen = this.isOpen && !document.hidden;
    if (isSeen) {
      const newest = Math.max(0, ...this.answers().map((message) => message.seq));
      if (newest > (Number(this.store.get("seen")) || 0)) {
        this.store.set("seen", String(newest));
        this.changed();
      }
    }
    const status = isSeen ? "read" : "delivered";
    const from = isSeen ? ["sent", "delivered"] : ["sent"];
    const due = this.answers().filter((message) => from.includes(message.state));
    const seq = Math.max(0, ...due.map((message) => message.seq));
    const kept = this.keptToken();
    if (!kept || seq <= this.told[status]) return;
    this.told[status] = seq;
    const answer = await this.call("seen", { method: "POST", token: kept.token, json: { seq, status } });
    // Not told after all: the next poll tries again.
    if (!answer.ok && this.told[status] === seq) this.told[status] = 0;
  }
}
