// The launcher and the panel: what a visitor sees and presses.

const PHONE = "(max-width: 480px)";
const TEASER_LENGTH = 140;

class Panel {
  // `isPage`: the panel fills our own chat page and cannot be closed.
  constructor({ root, chat, config, isPage }) {
    this.root = root;
    this.chat = chat;
    this.config = config;
    this.texts = config.texts;
    this.isPage = isPage;
    this.painter = new ThreadPainter({ config, base: chat.base });
    this.drawn = new Map(); // key -> {node, sign}
    this.hidden = 0; // the teaser was hidden up to this message
    this.build();
    if (isPage) this.open({ focus: false });
    this.draw();
  }

  text(name, values = {}) {
    return this.texts[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
  }

  // --- building --------------------------------------------------------------------------

  build() {
    const { config, isPage } = this;
    this.faces = el("span", { class: "w-faces" });
    this.sub = el("p", { class: "w-sub" });
    this.close = el(
      "button",
      { type: "button", class: "w-x", "aria-label": this.texts.close, title: this.texts.close, click: () => this.shut() },
      icon("down"),
    );
    const heading = el(isPage ? "h1" : "h2", { class: "w-title", id: "w-title", dir: "auto" }, config.title);
    const head = el("header", { class: "w-head" }, this.faces, el("div", { class: "grow" }, heading, this.sub), isPage ? "" : this.close);
    this.hello = el("div", { class: "w-body w-hello" }, el("p", { class: "w-greeting", dir: "auto" }, config.greeting));
    this.earlier = el("button", { type: "button", class: "linklike w-earlier", click: () => this.showEarlier() }, this.texts.earlier);
    this.list = el("ol");
    this.log = el(
      "div",
      { class: "w-log", role: "log", "aria-live": "polite", "aria-label": this.texts.messages, tabindex: "0" },
      // column-reverse keeps the newest message in view without script, so the list comes first.
      this.list,
      this.earlier,
    );
    this.panel = el(
      "section",
      { class: "w-panel", role: isPage ? "region" : "dialog", "aria-labelledby": "w-title", tabindex: "-1", hidden: !isPage },
      head,
      this.hello,
      this.log,
      this.buildForm(),
    );
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isPage) this.shut();
    });
    this.dock = el("div", { class: `w-dock ${isPage ? "is-page" : ""} ${config.position === "left" ? "is-left" : ""}` });
    this.dock.append(this.panel);
    if (!isPage) this.buildLauncher();
    this.root.append(this.dock);
  }

  buildLauncher() {
    this.badge = el("span", { class: "count w-badge", "aria-hidden": "true", hidden: true });
    this.launcher = el("button", { type: "button", class: "w-launch", "aria-expanded": "false", click: () => this.toggle() });
    this.teaserText = el("button", { type: "button", class: "w-tease-text", click: () => this.open() });
    this.teaser = el(
      "div",
      { class: "w-tease", hidden: true },
      this.teaserText,
      el(
        "button",
        { type: "button", class: "w-x", "aria-label": this.texts.hide, title: this.texts.hide, click: () => this.hideTeaser() },
        icon("x", { extra: "icon-sm" }),
      ),
    );
    this.status = el("p", { class: "sr", role: "status" });
    this.dock.append(this.teaser, this.launcher, this.status);
  }

  buildForm() {
    this.field = el("textarea", {
      class: "w-text",
      rows: "1",
      maxlength: String(this.config.limits.text),
      placeholder: this.texts.write,
      "aria-label": this.texts.write,
      dir: "auto",
      enterkeyhint: "send",
    });
    this.field.value = this.chat.store.get("draft") || "";
    this.field.addEventListener("input", () => {
      this.chat.store.set("draft", this.field.value);
      this.chat.touch();
      if (this.field.value.trim()) this.chat.typing();
    });
    this.field.addEventListener("keydown", (event) => {
      // While a word is being composed, Enter belongs to the input method.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.files = el("input", { type: "file", multiple: true, hidden: true });
    this.files.addEventListener("change", () => this.upload([...this.files.files]));
    this.problem = el("p", { class: "w-problem", role: "alert", hidden: true });
    const attach = el(
      "button",
      { type: "button", class: "btn btn-quiet", "aria-label": this.texts.attach, title: this.texts.attach, click: () => this.files.click() },
      icon("clip"),
    );
    const send = el(
      "button",
      { type: "submit", class: "btn btn-primary w-send", "aria-label": this.texts.send, title: this.texts.send },
      icon("send", { extra: "icon-flip" }),
    );
    const form = el("form", { class: "w-foot" }, this.field, this.files, attach, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    return el("div", { class: "w-write" }, this.problem, form);
  }

  // --- what the visitor does -------------------------------------------------------------

  toggle() {
    if (this.chat.isOpen) this.shut();
    else this.open();
  }

  open({ focus = true } = {}) {
    this.panel.hidden = false;
    this.chat.setOpen(true);
    if (!focus) return;
    // With a finger the keyboard would cover the greeting: the panel takes the focus there.
    const target = window.matchMedia("(pointer: coarse)").matches ? this.panel : this.field;
    target.focus({ preventScroll: true });
  }

  shut() {
    this.panel.hidden = true;
    this.chat.setOpen(false);
    this.launcher.focus({ preventScroll: true });
  }

  send() {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.chat.store.remove("draft");
    this.problem.hidden = true;
    this.chat.write(text);
    this.field.focus({ preventScroll: true });
  }

  upload(files) {
    this.files.value = "";
    if (!files.length) return;
    const { files: count, file_bytes: bytes } = this.config.limits;
    const large = files.find((file) => file.size > bytes);
    const limit = this.painter.size(bytes);
    if (files.length > count) this.complain(this.text("too_many_files", { count }));
    else if (large) this.complain(this.text("file_too_big", { name: large.name, limit }));
    else {
      this.problem.hidden = true;
      this.chat.write("", files);
    }
  }

  complain(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = false;
  }

  hideTeaser() {
    this.hidden = Math.max(0, ...this.chat.unread().map((message) => message.seq));
    this.draw();
    this.launcher.focus({ preventScroll: true });
  }

  async showEarlier() {
    this.earlier.disabled = true;
    await this.chat.earlier();
    this.earlier.disabled = false;
  }

  // --- drawing ---------------------------------------------------------------------------

  draw() {
    const items = this.items();
    this.place(items);
    const isEmpty = items.length === 0;
    this.hello.hidden = !isEmpty;
    this.log.hidden = isEmpty;
    this.earlier.hidden = !this.chat.hasEarlier;
    this.drawHead();
    if (!this.isPage) this.drawLauncher();
  }

  drawHead() {
    const answered = this.chat.answers().filter((message) => message.author);
    const last = answered.sort((a, b) => a.seq - b.seq).pop();
    this.faces.replaceChildren(...(last ? [avatar(last.author)] : []));
    this.faces.hidden = !last;
    const name = last ? this.text("answering", { name: last.author }) : this.texts.hint;
    const words = this.chat.isOffline ? this.texts.offline : this.config.open ? name : this.texts.hint_closed;
    if (this.sub.textContent !== words) this.sub.textContent = words;
  }

  drawLauncher() {
    const unread = this.chat.isOpen ? [] : this.chat.unread();
    const count = unread.length;
    let label = this.texts.open;
    if (this.chat.isOpen) label = this.texts.close;
    else if (count === 1) label = this.texts.open_unread_one;
    else if (count) label = this.text("open_unread", { count });
    if (this.launcher.getAttribute("aria-label") !== label) {
      this.launcher.setAttribute("aria-label", label);
      this.launcher.title = label;
      this.launcher.replaceChildren(icon(this.chat.isOpen ? "down" : "chat"), this.badge);
      this.status.textContent = count ? label : "";
    }
    this.launcher.setAttribute("aria-expanded", String(this.chat.isOpen));
    this.dock.classList.toggle("is-open", this.chat.isOpen);
    this.badge.hidden = !count;
    this.badge.textContent = String(count);
    const newest = unread.sort((a, b) => a.seq - b.seq).pop();
    const isShown = Boolean(newest) && newest.seq > this.hidden;
    this.teaser.hidden = !isShown;
    if (!isShown) return;
    const who = el("span", { class: "w-tease-who" }, el("b", {}, newest.author || this.config.title));
    const said = newest.text || newest.attachments.map((item) => item.name).join(", ");
    const short = said.length > TEASER_LENGTH ? `${said.slice(0, TEASER_LENGTH)}…` : said;
    this.teaserText.replaceChildren(who, el("span", { dir: "auto" }, short));
  }

  // What stands in the list, each with a key and a sign that changes when it must be drawn anew.
  items() {
    const { chat, painter } = this;
    const items = [];
    let day = "";
    const begin = (time) => {
      const name = painter.day(time);
      if (name === day) return;
      day = name;
      items.push({ key: `day:${name}`, sign: name, make: () => el("li", { class: "day" }, name) });
    };
    for (const message of [...chat.messages.values()].sort((a, b) => a.seq - b.seq)) {
      begin(new Date(message.created_at));
      const isTheirs = message.direction === "out";
      items.push({
        key: isTheirs ? `out:${message.id}` : `in:${message.client_id || message.id}`,
        sign: JSON.stringify([message.text, message.edited, message.author, message.attachments.map((item) => [item.state, item.name])]),
        make: () => (isTheirs ? painter.theirs(message) : painter.mine(message)),
      });
    }
    for (const entry of chat.outbox()) {
      begin(new Date(entry.at));
      const isTroubled = chat.troubled.has(entry.client_id);
      items.push({
        key: `in:${entry.client_id}`,
        sign: `waiting ${isTroubled} ${entry.failed || ""} ${entry.accepted || ""}`,
        make: () => (entry.accepted ? this.accepted(entry) : this.waiting(entry, isTroubled)),
      });
    }
    if (chat.notice && items.length) {
      items.push({ key: "notice", sign: chat.notice, make: () => el("li", { class: "sys" }, chat.notice) });
    }
    return items;
  }

  waiting(entry, isTroubled) {
    const actions = { again: () => this.chat.again(entry), discard: () => this.chat.discard(entry) };
    return this.painter.waiting(entry, { isTroubled, actions });
  }

  accepted(entry) {
    return this.painter.mine({ text: entry.text, attachments: [], created_at: entry.at });
  }

  // Only what changed is touched: a screen reader must not hear the whole thread again.
  place(items) {
    const kept = new Set(items.map((item) => item.key));
    for (const [key, { node }] of this.drawn) {
      if (kept.has(key)) continue;
      node.remove();
      this.drawn.delete(key);
    }
    let before = null;
    for (const { key, sign, make } of items) {
      let drawn = this.drawn.get(key);
      if (!drawn || drawn.sign !== sign) {
        const node = make();
        drawn?.node.replaceWith(node);
        drawn = { node, sign };
        this.drawn.set(key, drawn);
      }
      const next = before ? before.nextSibling : this.list.firstChild;
      if (next !== drawn.node) this.list.insertBefore(drawn.node, next);
      before = drawn.node;
    }
  }
}
