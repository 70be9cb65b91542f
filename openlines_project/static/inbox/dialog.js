// Questions before something is done: the server writes them, the browser's own dialog shows
// them, and the focus goes back to where it came from.

const dialog = () => document.getElementById('dialog');
let opener = '';

export const isQuestion = (target) => target?.id === 'dialog';

/** A question is asked for: remember by what, or by which menu. */
export function questionAsked(element) {
  opener = (element.closest('details.menu-box')?.querySelector('summary') ?? element).id;
}

export function questionShown() {
  bindSearch();
  if (!dialog().open) dialog().showModal();
  dialog().querySelector('[autofocus]')?.focus();
}

export function closeQuestion() {
  dialog()?.close();
}

/** Say in the dialog why not: a toast would stand behind it. Whether there is one. */
export function refuseQuestion(text) {
  const line = dialog()?.open && document.getElementById('dialog-error');
  if (!line) return false;
  line.textContent = text;
  line.hidden = false;
  return true;
}

/** Colleagues and lines by a part of their name. */
function bindSearch() {
  const search = document.getElementById('target-search');
  if (!search) return;
  search.hidden = false;
  const field = document.getElementById('target-find');
  field.addEventListener('input', () => {
    const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    const wanted = plain(field.value.trim());
    for (const part of document.querySelectorAll('#targets > section')) {
      const targets = [...part.querySelectorAll('[data-find]')];
      for (const target of targets) target.hidden = !plain(target.dataset.find).includes(wanted);
      part.hidden = targets.every((target) => target.hidden);
    }
    const parts = [...document.querySelectorAll('#targets > section')];
    document.getElementById('targets-none').hidden = !parts.every((part) => part.hidden);
  });
}

export function bindDialog() {
  if (!dialog()) return;
  dialog().addEventListener('click', (event) => {
    const isBeside = event.target === dialog();
    if (!isBeside && !event.target.closest('[data-close]')) return;
    event.preventDefault();
    closeQuestion();
  });
  dialog().addEventListener('close', () => {
    dialog().replaceChildren();
    const back = document.getElementById(opener) ?? document.getElementById('thread');
    back?.focus({ preventScroll: true });
  });
}
