// The card of what would happen: asks the server and shows its answer beside the settings.
'use strict';

for (const form of document.querySelectorAll('form[data-preview]')) {
  const answer = form.parentElement.querySelector('[data-preview-answer]');
  let asked = 0;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    asked += 1;
    const mine = asked;
    try {
      const response = await fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`, { headers: { 'X-Requested-With': 'fetch' } });
      if (!response.ok) throw new Error(response.status);
      const html = await response.text();
      if (mine === asked) answer.innerHTML = html;
    } catch {
      if (mine === asked) answer.textContent = form.dataset.failed;
    }
  });
}
