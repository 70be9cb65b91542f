// Something just happened: said for eight seconds, longer while the reader is at it.

const SECONDS = 8;

export function toast(text) {
  const list = document.getElementById('toasts');
  if (!list || !text) return;
  const item = document.createElement('div');
  item.className = 'toast';
  const words = document.createElement('p');
  words.className = 'grow';
  words.textContent = text;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn btn-sm';
  button.textContent = list.dataset.dismiss;
  button.addEventListener('click', () => item.remove());
  item.append(words, button);
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
