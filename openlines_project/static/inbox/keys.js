// Keys for the whole page: A accepts, J and K walk through the chats. By place on the keyboard,
// so that they are where they are drawn in every layout.

const isTyping = (element) => element?.closest('input, textarea, select, [contenteditable]');

function walk(step) {
  const links = [...document.querySelectorAll('#list .conv')];
  const at = links.findIndex((link) => link.hasAttribute('aria-current'));
  const next = links[Math.min(links.length - 1, Math.max(0, at + step))];
  next?.scrollIntoView({ block: 'nearest' });
  next?.click();
}

export function bindKeys() {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    if (event.code === 'KeyA') document.querySelector('.offer .btn-accept')?.click();
    else if (event.code === 'KeyJ') walk(1);
    else if (event.code === 'KeyK') walk(-1);
  });
}
