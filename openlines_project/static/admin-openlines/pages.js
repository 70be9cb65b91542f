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

// A part that is shown while a choice has one value; hidden parts are not sent.
for (const part of document.querySelectorAll('[data-shown-by]')) {
  const choice = document.getElementById(part.dataset.shownBy);
  const apply = () => {
    part.hidden = choice.value !== part.dataset.shownFor;
    for (const field of part.querySelectorAll('input')) field.disabled = part.hidden;
  };
  choice.addEventListener('change', apply);
  apply();
}

// The save button counts what is changed, and leaving with unsaved changes asks.
for (const form of document.querySelectorAll('form[data-watch]')) {
  const save = document.querySelector(`[data-save][form="${form.id}"]`);
  const discard = document.querySelector('[data-discard]');
  const skip = new Set(['csrfmiddlewaretoken', 'tab', 'member_position', 'member', 'member_add', 'members_seen']);
  const read = () => {
    const values = new Map();
    for (const [name, value] of new FormData(form)) if (!skip.has(name)) values.set(name, value);
    const members = [...form.querySelectorAll('[data-member-rows] [name="member"]')];
    values.set('members', members.map((field) => field.value).join(' '));
    return values;
  };
  const first = read();
  let leaving = false;
  const count = () => {
    const now = read();
    const names = new Set([...first.keys(), ...now.keys()]);
    // The choice and its other value are one setting.
    const changed = new Set([...names].filter((name) => first.get(name) !== now.get(name)).map((name) => name.replace(/_(choice|other)$/, '')));
    return changed.size;
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
