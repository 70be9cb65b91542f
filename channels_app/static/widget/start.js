// Finds the script's own address, which names the chat, and puts the chat on the page.
// window.openLinesChat.open() and .close() let a site open it from a button of its own.

const ADDRESS = /\/widget\/([\w-]+)\.js$/;

function ownScript() {
  const isOurs = (script) => script?.src && ADDRESS.test(new URL(script.src).pathname);
  // An async script is "current" while it runs; one that a loader put in may not be.
  if (isOurs(document.currentScript)) return document.currentScript;
  return [...document.scripts].find(isOurs);
}

function styled(root, colours) {
  let style = STYLE;
  if (colours) {
    const { accent, accent_2, on_accent, ink_light, ink_dark } = colours;
    const ink = `light-dark(${ink_light}, ${ink_dark})`;
    style += `:host { --accent: ${accent}; --accent-2: ${accent_2}; --on-accent: ${on_accent};
      --accent-ink: ${ink}; --focus: ${ink}; }`;
  }
  try {
    // Not subject to the page's policy for inline styles, unlike a style element.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(el("style", {}, style));
  }
}

async function start(script) {
  const address = new URL(script.src);
  const base = address.origin + address.pathname.replace(/\.js$/, "");
  const key = ADDRESS.exec(address.pathname)[1];
  const isPage = script.hasAttribute("data-page");
  let panel = null;
  const chat = new Chat({ base, key, changed: () => panel?.draw() });
  let answer = await chat.config();
  for (const seconds of [2, 10, 30]) {
    if (answer.ok || isRefusal(answer.status)) break;
    await new Promise((resolve) => setTimeout(resolve, seconds * SECOND));
    answer = await chat.config();
  }
  if (!answer.ok) return; // switched off, or not allowed here: the page stays as it is
  const host = document.createElement("div");
  host.id = "openlines-chat";
  host.lang = answer.data.language;
  if (isPage) host.setAttribute("data-page", "");
  if (script.dataset.theme) host.setAttribute("data-theme", script.dataset.theme);
  const root = host.attachShadow({ mode: "open" });
  styled(root, answer.data.colours);
  panel = new Panel({ root, chat, config: answer.data, isPage });
  (document.querySelector("[data-openlines-chat]") || document.body).append(host);
  window.openLinesChat = { open: () => panel.open(), close: () => isPage || panel.shut() };
  chat.start();
}

const script = ownScript();
if (script && !window.openLinesChat) {
  window.openLinesChat = {}; // a page that embeds the script twice gets one chat
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => start(script));
  } else {
    start(script);
  }
}
