// Our pages of the administration: counted changes, copy buttons, questions before what hurts.
'use strict';

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand('copy'); // no clipboard without https
    }
    const title = button.title;
    button.title = button.dataset.done;
    button.setAttribute('aria-pressed', 'true');
    setTimeout(() => { button.title = title; button.removeAttribute('aria-pressed'); }, 1500);
  });
}

for (const button of document.querySelectorAll('[data-ask]')) {
  button.addEventListener('click', (event) => {
    if (!window.confirm(button.dataset.ask)) event.preventDefault();
  });
}

// A part that is shown while other fields of its form have certain values, named in the same order:
// `data-shown-by="has_hours closed_action" data-shown-for="on text|form"`; `*` is any but none and 0.
// What is hidden is still sent and stays as it is. What has an error is never hidden.
const valueOf = (form, name) => {
  const field = form.elements[name];
  if (!field) return '';
  return field.type === 'checkbox' ? (field.checked ? 'on' : '') : field.value.trim();
};
const isShown = (part) => {
  const form = part.closest('form');
  const wanted = part.dataset.shownFor.split(' ');
  return part.dataset.shownBy.split(' ').every((name, index) => {
    const value = valueOf(form, name);
    return wanted[index] === '*' ? value !== '' && value !== '0' : wanted[index].split('|').includes(value);
  });
};
const dependents = [...document.querySelectorAll('[data-shown-by]')];
const wrongAtFirst = new Set(dependents.filter((part) => part.querySelector('[aria-invalid="true"], .error')));
const applyShown = () => {
  for (const part of dependents) part.hidden = !wrongAtFirst.has(part) && !isShown(part);
};
document.addEventListener('input', applyShown);
document.addEventListener('change', applyShown);
applyShown();

// From what is wrong to its field, whatever tab it is on.
for (const link of document.querySelectorAll('a[data-go]')) {
  link.addEventListener('click', (event) => {
    const part = document.getElementById(link.getAttribute('href').slice(1));
    if (!part) return;
    event.preventDefault();
    const panel = part.closest('[role="tabpanel"]');
    if (panel) document.getElementById(panel.getAttribute('aria-labelledby')).click();
    const field = part.matches('input, select, textarea') ? part : part.querySelector('[aria-invalid="true"], input, button:not([hidden])');
    (field || part).focus();
  });
}

// The save button counts what is changed, and leaving with unsaved changes asks.
for (const form of document.querySelectorAll('form[data-watch]')) {
  const save = document.querySelector(`[data-save][form="${form.id}"]`);
  const discard = document.querySelector('[data-discard]');
  const skip = new Set(['csrfmiddlewaretoken', 'tab', 'member_position', 'member', 'member_add', 'members_seen']);
  // A page that comes back with what it could not save: these are changes already.
  const unsaved = (form.dataset.unsaved || '').split(' ').filter(Boolean);
  const isBlank = (row) => row && ![...row.querySelectorAll('input')].some((field) => field.value);
  const read = () => {
    const values = new Map();
    for (const field of form.elements) {
      const isOff = ['checkbox', 'radio'].includes(field.type) && !field.checked;
      if (!field.name || field.disabled || isOff || field.value === '' || skip.has(field.name) || isBlank(field.closest('[data-row]'))) continue;
      // Several fields can be one setting.
      const unit = (field.closest('[data-unit]') || { dataset: { unit: field.name } }).dataset.unit;
      values.set(unit, `${values.get(unit) || ''}${field.name}=${field.value}\n`);
    }
    const members = [...form.querySelectorAll('[data-member-rows] [name="member"]')];
    values.set('members', members.map((field) => field.value).join(' '));
    return values;
  };
  const first = read();
  let leaving = false;
  const count = () => {
    const now = read();
    const changed = [...first.keys(), ...now.keys()].filter((name) => first.get(name) !== now.get(name));
    return new Set([...unsaved, ...changed]).size;
  };
  const show = () => {
    const n = count();
    if (save) save.textContent = n === 0 ? save.dataset.none : n === 1 ? save.dataset.one : save.dataset.many.replace('{n}', n);
    if (discard) discard.hidden = n === 0;
  };
  form.addEventListener('input', show);
  form.addEventListener('change', show);
  form.addEventListener('submit', () => { leaving = true; });
  if (discard) discard.addEventListener('click', () => { leaving = true; });
  window.addEventListener('beforeunload', (event) => {
    if (!leaving && count() > 0) event.preventDefault();
  });
  show();
}

// The tab is sent along, so that saving comes back to it.
for (const list of document.querySelectorAll('[role="tablist"]')) {
  const field = document.querySelector('form[data-watch] [name="tab"]');
  if (!field) continue;
  field.form.addEventListener('submit', () => {
    field.value = list.querySelector('[aria-selected="true"]').getAttribute('aria-controls');
  });
  window.addEventListener('hashchange', () => {
    const tab = list.querySelector(`[aria-controls="${CSS.escape(location.hash.slice(1))}"]`);
    if (tab) tab.click();
  });
}
