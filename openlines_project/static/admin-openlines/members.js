// The queue of a line: rows move by their grip (finger, mouse, arrow keys) or by their number.
'use strict';

for (const card of document.querySelectorAll('[data-members]')) {
  const body = card.querySelector('[data-member-rows]');
  const empty = card.querySelector('[data-members-empty]');
  const say = card.querySelector('[data-members-say]');
  const add = card.querySelector('[data-member-add]');
  const template = card.querySelector('[data-member-template]');
  const rows = () => [...body.querySelectorAll('[data-member]')];
  const nameOf = (row) => row.querySelector('[data-name]').textContent;
  const numberOf = (row) => row.querySelector('[name="member_position"]');

  const changed = () => {
    rows().forEach((row, index) => { numberOf(row).value = index + 1; });
    empty.hidden = rows().length > 0;
    body.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const announce = (row) => {
    say.textContent = say.dataset.moved.replace('{name}', nameOf(row)).replace('{n}', numberOf(row).value);
  };
  const moveTo = (row, index) => {
    const others = rows().filter((other) => other !== row);
    body.insertBefore(row, others[Math.max(0, Math.min(index, others.length))] || null);
    changed();
    announce(row);
  };

  body.addEventListener('keydown', (event) => {
    const row = event.target.closest('[data-member]');
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.target.closest('[data-grip]') && step) {
      event.preventDefault();
      moveTo(row, rows().indexOf(row) + step);
      row.querySelector('[data-grip]').focus();
    } else if (event.target.name === 'member_position' && event.key === 'Enter') {
      event.preventDefault(); // the number moves the row; it does not save the page
      event.target.blur();
    }
  });
  body.addEventListener('change', (event) => {
    if (event.target.name !== 'member_position') return;
    const row = event.target.closest('[data-member]');
    const wanted = Number.parseInt(event.target.value, 10);
    moveTo(row, Number.isNaN(wanted) ? rows().indexOf(row) : wanted - 1);
  });

  body.addEventListener('pointerdown', (event) => {
    const grip = event.target.closest('[data-grip]');
    if (!grip || event.button !== 0) return;
    const row = grip.closest('[data-member]');
    event.preventDefault();
    grip.focus();
    row.classList.add('is-moving');
    const move = (moved) => {
      const after = rows().filter((other) => other !== row).find((other) => {
        const box = other.getBoundingClientRect();
        return moved.clientY < box.top + box.height / 2;
      });
      if ((after || null) !== row.nextElementSibling) body.insertBefore(row, after || null);
    };
    // On the document and not captured by the grip: a row that moves would lose the capture.
    const drop = () => {
      document.removeEventListener('pointermove', move);
      document.removeEventListener('pointerup', drop);
      document.removeEventListener('pointercancel', drop);
      row.classList.remove('is-moving');
      changed();
      announce(row);
    };
    document.addEventListener('pointermove', move);
    document.addEventListener('pointerup', drop);
    document.addEventListener('pointercancel', drop);
  });

  body.addEventListener('click', (event) => {
    const button = event.target.closest('[data-remove]');
    if (!button) return;
    const row = button.closest('[data-member]');
    const next = row.nextElementSibling || row.previousElementSibling;
    const value = row.querySelector('[name="member"]').value;
    row.remove();
    let option = [...add.options].find((other) => other.value === value);
    if (!option) {
      option = new Option(row.dataset.name, value);
      Object.assign(option.dataset, row.dataset);
      add.append(option);
    }
    option.hidden = option.disabled = false;
    changed();
    (next ? next.querySelector('[data-remove]') : add).focus();
  });

  if (add) add.addEventListener('change', () => {
    const option = add.selectedOptions[0];
    if (!option || !option.value) return;
    const row = template.content.firstElementChild.cloneNode(true);
    const { name, detail, duty, initials, tint, group } = option.dataset;
    const isGroup = group === 'true';
    Object.assign(row.dataset, option.dataset);
    row.querySelector('[name="member"]').value = option.value;
    row.querySelector('[data-name]').textContent = name;
    row.querySelector('[data-detail]').textContent = detail;
    row.querySelector('[data-initials]').textContent = initials;
    row.querySelector('[data-initials]').hidden = isGroup;
    row.querySelector('[data-if-group]').toggleAttribute('hidden', !isGroup);
    row.querySelector('[data-avatar]').className = `avatar avatar-${tint}`;
    const dot = row.querySelector('[data-dot]');
    dot.className = `dot${duty === 'on' ? ' dot-on' : duty === 'pause' ? ' dot-pause' : ''}`;
    dot.hidden = isGroup;
    for (const part of row.querySelectorAll('[data-label][aria-label]')) part.setAttribute('aria-label', part.dataset.label.replace('{name}', name));
    body.append(row);
    option.hidden = option.disabled = true;
    add.value = '';
    changed();
    announce(row);
  });
}
