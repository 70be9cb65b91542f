// Menus are <details>: they open and close by themselves. Here they close when the reader is done
// with them, and the arrows walk through them.

const openMenus = () => document.querySelectorAll('details.menu-box[open]');

function close(menu) {
  menu.open = false;
  menu.querySelector('summary').focus();
}

function step(menu, by) {
  const items = [...menu.querySelectorAll('.menu-item')].filter((item) => item.checkVisibility());
  const at = items.indexOf(document.activeElement);
  const next = at < 0 && by < 0 ? items.length - 1 : at + by;
  items.at(next % items.length)?.focus();
}

export function bindMenus() {
  addEventListener('click', ({ target }) => {
    for (const menu of openMenus()) {
      if (!menu.contains(target)) menu.open = false;
      // The choice is made: back to where the menu was opened.
      else if (target.closest('.menu-item')) close(menu);
    }
  });
  addEventListener('keydown', (event) => {
    const menu = event.target.closest?.('details.menu-box[open]');
    if (!menu) return;
    if (event.key === 'Escape') close(menu);
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    step(menu, event.key === 'ArrowDown' ? 1 : -1);
  });
}
