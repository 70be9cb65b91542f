// Something just happened: said for eight seconds, longer while the reader is at it.

const SECONDS = 8;

function button(label, onClick) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'btn btn-sm';
  made.textContent = label;
  made.addEventListener('click', onClick);
  return made;
}

/** `undo` takes it back, where that is possible. */
export function toast(text, undo = null) {
  const list = document.getElementById('toasts');
  if (!list || !text) return;
  const item = document.createElement('div');
  item.className = 'toast';
  const words = document.createElement('p');
  words.className = 'grow';
  words.textContent = text;
  item.append(words);
  if (undo) {
    item.append(button(list.dataset.undo, () => {
      item.remove();
      undo();
    }));
  }
  item.append(button(list.dataset.dismiss, () => item.remove()));
  list.append(item);
  let left = SECONDS;
  const timer = setInterval(() => {
    if (item.matches(':hover, :focus-within')) return;
    left -= 1;
    if (left > 0 && item.isConnected) return;
    clearInterval(timer);
    item.remove();
  }, 1000);
}
