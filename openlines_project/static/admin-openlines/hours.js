// The Hours tab: rows that are added and removed, a day copied to the others, a country's calendar.
'use strict';

const rowsOf = (list) => [...list.querySelectorAll('[data-row]')];

const changedIn = (part) => {
  const empty = part.querySelector('[data-rows-empty]');
  if (empty) empty.hidden = rowsOf(part).length > 0;
  part.dispatchEvent(new Event('change', { bubbles: true }));
};

const addRow = (part) => {
  const row = part.querySelector('[data-row-template]').content.firstElementChild.cloneNode(true);
  part.querySelector('[data-row-list]').append(row);
  row.querySelector('[data-row-remove]').hidden = false;
  return row;
};

for (const part of document.querySelectorAll('[data-rows]')) {
  const add = part.querySelector('[data-row-add]');
  if (!add) continue; // to look at only
  for (const button of part.querySelectorAll('[data-row-list] [data-row-remove]')) button.hidden = false;
  add.hidden = false;
  add.addEventListener('click', () => {
    const isFirst = rowsOf(part).length === 0;
    const row = addRow(part);
    if (isFirst && part.dataset.day) {
      const [opens, closes] = row.querySelectorAll('input');
      [opens.value, closes.value] = ['09:00', '18:00'];
    }
    changedIn(part);
    row.querySelector('input').focus();
  });
  part.addEventListener('click', (event) => {
    const button = event.target.closest('[data-row-remove]');
    if (!button) return;
    const row = button.closest('[data-row]');
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    changedIn(part);
    ((next && next.querySelector('[data-row-remove]')) || add).focus();
  });
}

for (const button of document.querySelectorAll('[data-copy-day]')) {
  const monday = button.closest('[data-rows]');
  const say = document.querySelector('[data-copied]');
  button.hidden = false;
  button.addEventListener('click', () => {
    const times = rowsOf(monday).map((row) => [...row.querySelectorAll('input')].map((field) => field.value));
    for (const day of document.querySelectorAll('[data-rows][data-day]')) {
      if (day === monday) continue;
      for (const row of rowsOf(day)) row.remove();
      for (const values of times) {
        const fields = addRow(day).querySelectorAll('input');
        values.forEach((value, index) => { fields[index].value = value; });
      }
      changedIn(day);
    }
    say.textContent = say.dataset.copied;
  });
}

// Another country has other regions and holidays; the answers may come in another order.
for (const part of document.querySelectorAll('[data-calendar]')) {
  const country = document.getElementById('id_holiday_country');
  let asked = 0;
  const load = async (subdivision) => {
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams({ country: country.value, subdivision });
    let html;
    try {
      const answer = await fetch(`${part.dataset.calendar}?${query}`, { headers: { 'X-Requested-With': 'fetch' } });
      if (!answer.ok) throw new Error(answer.status);
      html = await answer.text();
    } catch {
      const failed = document.createElement('p');
      failed.className = 'error';
      failed.textContent = part.dataset.failed;
      if (mine === asked) part.append(failed);
      return;
    }
    if (mine !== asked) return;
    const isOpen = part.querySelector('details[open]') !== null;
    const hadFocus = document.activeElement && document.activeElement.name === 'holiday_subdivision';
    part.innerHTML = html;
    if (isOpen && part.querySelector('details')) part.querySelector('details').open = true;
    if (hadFocus) part.querySelector('select').focus();
    part.dispatchEvent(new Event('change', { bubbles: true }));
  };
  country.addEventListener('change', () => load(''));
  part.addEventListener('change', (event) => {
    if (event.target.name === 'holiday_subdivision') load(event.target.value);
  });
  // The names of countries in the reader's language, where the browser knows them.
  try {
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: 'region' });
    const options = [...country.options].filter((option) => option.value);
    for (const option of options) option.textContent = names.of(option.value) || option.textContent;
    const chosen = country.value;
    options.sort((a, b) => a.textContent.localeCompare(b.textContent, document.documentElement.lang));
    country.append(...options);
    country.value = chosen;
  } catch { /* they stay in English */ }
}
