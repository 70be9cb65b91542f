// Drawing one message. Whatever people wrote is set as text, never as markup.

const ICONS = {
  chat: ["M4.5 4h11A1.5 1.5 0 0 1 17 5.5v7a1.5 1.5 0 0 1-1.5 1.5H10l-3.7 3v-3H4.5A1.5 1.5 0 0 1 3 12.5v-7A1.5 1.5 0 0 1 4.5 4z"],
  clip: ["M16 9.4l-5.8 5.9a3.7 3.7 0 0 1-5.3-5.2l6-6.1a2.5 2.5 0 0 1 3.6 3.5l-5.8 5.9a1.2 1.2 0 0 1-1.8-1.7l5.2-5.3"],
  clock: ["M10 3.2a6.8 6.8 0 1 1 0 13.6 6.8 6.8 0 0 1 0-13.6z", "M10 6.4V10l2.4 1.6"],
  down: ["M5 7.8l5 5 5-5"],
  file: ["M5.5 3h6l3.5 3.5V16a1 1 0 0 1-1 1H5.5a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z", "M11.5 3v3.5H15M7.2 10.5h5.6M7.2 13.2h3.6"],
  pin: ["M10 17.2s5.4-4.6 5.4-8.8a5.4 5.4 0 0 0-10.8 0c0 4.2 5.4 8.8 5.4 8.8z", "M10 6.6a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.8z"],
  send: ["M3.2 4.2l13.8 5.8-13.8 5.8 2-5.8z", "M5.2 10H11"],
  tick: ["M4.5 10.6l3.4 3.5L15.5 6"],
  warn: ["M10 3.4l7.2 12.7H2.8z", "M10 8.2v3.6M10 13.9v.1"],
  x: ["M5 5l10 10M15 5L5 15"],
};
const AVATARS = 6;
const LINK = /https?:\/\/[^\s<>"'`]+/gi;
// What ends a sentence, not an address.
const LINK_TAIL = /[.,;:!?)\]}»”’]+$/;
const IMAGE = "image";

// el("p", {class: "x"}, "text", node): attributes by name, functions as listeners.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function icon(name, { label = "", extra = "" } = {}) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon ${extra}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  for (const line of ICONS[name]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}

function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => Array.from(word)[0].toUpperCase()).join("") || "·";
}

function avatar(name, extra = "") {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  const face = el("span", { "aria-hidden": "true" }, initials(name));
  return el("span", { class: `avatar avatar-${(hash % AVATARS) + 1} ${extra}` }, face);
}

// Addresses in a text become links; only http and https, and the page they open learns nothing.
function linked(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(LINK_TAIL, "");
    let url;
    try {
      url = new URL(address);
    } catch {
      continue;
    }
    nodes.push(text.slice(at, match.index), outside(url.href, {}, address));
    at = match.index + address.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

function outside(href, attributes, ...children) {
  const rel = "noopener noreferrer nofollow";
  return el("a", { href, target: "_blank", rel, ...attributes }, ...children);
}

class ThreadPainter {
  constructor({ config, base }) {
    this.texts = config.texts;
    this.title = config.title;
    this.base = base;
    // The line's language, in the visitor's own variety of it: 14:29 or 2:29 pm is his habit.
    const isSame = (locale) => locale.split("-")[0] === config.language.split("-")[0];
    const language = navigator.languages.find(isSame) || config.language;
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
    this.date = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
    this.number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  }

  day(time) {
    const midnight = new Date().setHours(0, 0, 0, 0);
    if (time >= midnight) return this.texts.today;
    if (time >= midnight - 24 * 3600 * SECOND) return this.texts.yesterday;
    return this.date.format(time);
  }

  size(bytes) {
    if (bytes < 1024 * 1024) return `${this.number.format(Math.ceil(bytes / 1024))} kB`;
    return `${this.number.format(bytes / 1024 / 1024)} MB`;
  }

  // --- what was sent to the visitor ------------------------------------------------------

  theirs(message) {
    const name = message.author || this.title;
    const meta = [name, this.clock.format(new Date(message.created_at))];
    if (message.edited) meta.push(this.texts.edited);
    return el(
      "li",
      { class: "w-msg w-them" },
      avatar(name, "avatar-sm"),
      el(
        "div",
        {},
        ...this.bubbles(message.text ? linked(message.text) : null, message.attachments),
        el("p", { class: "w-meta", dir: "auto" }, meta.join(" · ")),
      ),
    );
  }

  // --- what the visitor wrote ------------------------------------------------------------

  mine(message) {
    return this.own(message.text, message.attachments, [
      this.clock.format(new Date(message.created_at)),
      message.edited ? ` · ${this.texts.edited}` : "",
      icon("tick", { label: this.texts.sent, extra: "tick tick-sent" }),
    ]);
  }

  // A message the server has not confirmed: `actions` are {again, discard}.
  waiting(entry, { isTroubled, actions }) {
    const files = (entry.files || []).map((file) => ({
      type: "file", name: file.name, size: file.size, state: "stored", url: "",
    }));
    const time = this.clock.format(entry.at);
    let meta = [time, icon("clock", { label: this.texts.sending, extra: "tick" })];
    let extra = "";
    if (entry.failed) {
      extra = "is-failed";
      meta = [
        icon("warn", { extra: "icon-sm" }),
        el("span", {}, `${this.texts.failed} ${entry.failed.trim()}`),
        el("button", { type: "button", class: "linklike", click: actions.again }, this.texts.again),
        el("button", { type: "button", class: "linklike", click: actions.discard }, this.texts.remove),
      ];
    } else if (isTroubled) {
      meta = [el("span", {}, this.texts.retrying), icon("clock", { extra: "tick" })];
    }
    return this.own(entry.text, files, meta, extra);
  }

  own(text, attachments, meta, extra = "") {
    return el(
      "li",
      { class: `w-msg w-me ${extra}` },
      el("div", {}, ...this.bubbles(text ? [text] : null, attachments), el("p", { class: "w-meta" }, ...meta)),
    );
  }

  bubbles(content, attachments) {
    const bubbles = content ? [el("div", { class: "w-bubble w-words", dir: "auto" }, ...content)] : [];
    for (const item of attachments) {
      const node = this.attachment(item);
      const isImage = node.classList.contains("att-image");
      bubbles.push(el("div", { class: `w-bubble ${isImage ? "w-picture" : ""}` }, node));
    }
    return bubbles;
  }

  attachment(item) {
    if (item.type === "location" && item.latitude !== null) {
      const place = `${item.latitude.toFixed(5)}, ${item.longitude.toFixed(5)}`;
      return this.card("pin", this.texts.location, place);
    }
    if (!item.url) {
      const isGone = !["pending", "stored"].includes(item.state);
      const note = isGone ? this.texts.file_gone : item.size ? this.size(item.size) : this.texts.file_pending;
      return this.card("file", item.name || this.texts.file_pending, note);
    }
    const href = new URL(item.url, this.base).href;
    return item.type === IMAGE ? this.image(item, href) : this.fileLink(item, href);
  }

  image(item, href) {
    const image = el("img", { src: href, alt: item.name || "", loading: "lazy" });
    const link = outside(href, { class: "att-image", "aria-label": item.name || false }, image);
    // A page may forbid pictures of ours: then it is a file like any other.
    image.addEventListener("error", () => link.replaceWith(this.fileLink(item, href)));
    return link;
  }

  fileLink(item, href) {
    const card = this.card("file", item.name || this.texts.attach, item.size ? this.size(item.size) : "");
    return outside(href, { class: "att-file" }, ...card.childNodes);
  }

  card(sign, name, note) {
    return el(
      "span",
      { class: "att-file" },
      icon(sign),
      el("span", {}, el("span", { class: "strong" }, name), el("br"), el("span", { class: "small" }, note)),
    );
  }
}
