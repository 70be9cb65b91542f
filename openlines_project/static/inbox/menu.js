// The menu of the chat is a <details>: it opens and closes by itself. Here it closes when the
// reader is done with it, and the arrows walk through it.

const menu = () => document.querySelector('details.menu-box[open]');

function step(open, by) {
  const items = [...open.querySelectorAll('.menu-item')].filter((item) => item.checkVisibility());
  const at = items.indexOf(document.activeElement);
  const next = at < 0 && by < 0 ? items.length - 1 : at + by;
  items.at(next % items.length)?.focus();
}

export function bindMenu() {
  addEventListener('click', (event) => {
    const open = menu();
    if (!open || event.target.closest('summary') === open.querySelector('summary')) return;
    if (event.target.closest('.menu-item') || !open.contains(event.target)) open.open = false;
  });
  addEventListener('keydown', (event) => {
    const open = menu();
    if (!open) return;
    if (event.key === 'Escape') {
      open.open = false;
      open.querySelector('summary').focus();
    } else if (open.contains(event.target) && ['ArrowDown', 'ArrowUp'].includes(event.key)) {
      event.preventDefault();
      step(open, event.key === 'ArrowDown' ? 1 : -1);
    }
  });
}
