// Keys for the whole page: A accepts, J and K walk through the chats, and what has a `data-key` is
// pressed by it; `data-focus` says where the reader goes on. By place on the keyboard, so that
// they are where they are drawn in every layout.

const TYPED = 'input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]';

const isBusy = (element) => element?.closest(TYPED) || document.querySelector('dialog[open]');

function walk(step) {
  const links = [...document.querySelectorAll('#list .conv')].filter((link) => link.checkVisibility());
  const at = links.findIndex((link) => link.hasAttribute('aria-current'));
  const next = links[Math.min(links.length - 1, Math.max(0, at + step))];
  next?.scrollIntoView({ block: 'nearest' });
  next?.click();
}

function press(element) {
  const fold = element.closest('summary')?.parentElement;
  if (!fold?.open) element.click();
  document.getElementById(element.dataset.focus)?.focus();
}

export function bindKeys() {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isBusy(event.target)) return;
    const named = document.querySelector(`[data-key="${CSS.escape(event.code)}"]`);
    if (event.code === 'KeyA') document.querySelector('.offer .btn-accept')?.click();
    else if (event.code === 'KeyJ') walk(1);
    else if (event.code === 'KeyK') walk(-1);
    else if (named) press(named);
    else return;
    // The letter is not typed into the field it leads to.
    event.preventDefault();
  });
}
