// Automatic texts: placeholders put in where the cursor is, their length, reminders one by one.
'use strict';

for (const group of document.querySelectorAll('[data-inserts]')) group.hidden = false;

for (const button of document.querySelectorAll('[data-insert]')) {
  const field = document.getElementById(button.dataset.into);
  if (field.disabled) button.disabled = true;
  button.addEventListener('click', () => {
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, 'end');
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.focus();
  });
}

for (const count of document.querySelectorAll('[data-count-of]')) {
  const field = document.getElementById(count.dataset.countOf);
  const most = Number(field.getAttribute('maxlength'));
  // Above the limit more may be pasted than is kept; the server says so.
  field.removeAttribute('maxlength');
  const show = () => {
    const length = [...field.value].length;
    count.textContent = length ? count.dataset.of.replace('{n}', length).replace('{most}', most) : '';
    count.classList.toggle('late', length > most);
  };
  field.addEventListener('input', show);
  show();
}

for (const card of document.querySelectorAll('[data-reminders]')) {
  const places = [...card.querySelectorAll('[data-reminder]')];
  const add = card.querySelector('[data-reminder-add]');
  const free = () => places.find((place) => place.hidden);
  for (const place of places) place.hidden = !('used' in place.dataset);
  if (!add) continue;
  add.hidden = !free();
  add.addEventListener('click', () => {
    const place = free();
    place.hidden = false;
    add.hidden = !free();
    place.querySelector('input').focus();
  });
}
