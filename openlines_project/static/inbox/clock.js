// Times that run: by the server's clock, in steps of a second, never announced.

import { say } from './words.js';

const navigation = performance.getEntriesByType('navigation')[0];
const arrived = performance.timeOrigin + (navigation?.responseStart ?? 0);
let offset = Number(document.body.dataset.now) - arrived || 0;

export const now = () => Date.now() + offset;

export function tellTime(response) {
  const time = Number(response.headers.get('X-Server-Time'));
  if (time) offset = time - Date.now();
}

function clockText(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function waitText(minutes) {
  if (minutes < 60) return say('minutes', { m: Math.max(1, minutes) });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return say('hours', { h: hours, m: String(minutes % 60).padStart(2, '0') });
  return say('days', { d: Math.floor(hours / 24), h: hours % 24 });
}

function secondsUntil(due) {
  return Math.max(0, Math.ceil((Number(due) - now()) / 1000));
}

export function tick(onOver) {
  for (const ring of document.querySelectorAll('.countdown[data-due]')) {
    const left = secondsUntil(ring.dataset.due);
    const share = Math.min(100, (100 * left) / Number(ring.dataset.total));
    ring.querySelector('text').textContent = clockText(left);
    ring.querySelector('circle + circle').setAttribute('stroke-dasharray', `${share} 100`);
    ring.setAttribute('aria-label', left ? say('timeLeft', { time: clockText(left) }) : say('noTime'));
    if (!left && !ring.dataset.over) {
      ring.dataset.over = '1';
      onOver();
    }
  }
  for (const left of document.querySelectorAll('[data-left]')) {
    left.textContent = clockText(secondsUntil(left.dataset.left));
  }
  for (const passing of document.querySelectorAll('[data-until]:not([hidden])')) {
    passing.hidden = !secondsUntil(passing.dataset.until);
  }
  for (const bar of document.querySelectorAll('.bar[data-due]')) {
    const left = secondsUntil(bar.dataset.due);
    const share = Math.min(100, (100 * left) / Number(bar.dataset.total));
    bar.firstElementChild.setAttribute('width', `${share}%`);
    bar.classList.toggle('bar-danger', share < 20);
    bar.classList.toggle('bar-warn', share >= 20 && share < 50);
    bar.setAttribute('aria-label', left ? say('timeLeft', { time: clockText(left) }) : say('noTime'));
  }
  for (const wait of document.querySelectorAll('[data-since]')) {
    const seconds = (now() - Number(wait.dataset.since)) / 1000;
    const late = Number(wait.dataset.late);
    const text = waitText(Math.floor(seconds / 60));
    const words = wait.querySelector('span');
    if (words.textContent !== text) words.textContent = text;
    wait.classList.toggle('late', late > 0 && seconds >= late);
    wait.classList.toggle('soon', late > 0 && seconds >= Number(wait.dataset.soon) && seconds < late);
  }
}

export function startClock(onOver) {
  tick(onOver);
  setInterval(tick, 1000, onOver);
}
