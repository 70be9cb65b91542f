// Rings for offers, a soft tone for messages: once per browser, and only after the reader has
// touched the page, as browsers demand.

const KEY = 'openlines.sound';
const AGAIN_MS = 15000;
const MAX_RINGS = 4;

const isOn = () => localStorage.getItem(KEY) !== 'off';
const players = new Map();

/** Play once, whichever tab comes first; `key` names the occasion. */
function play(sound, key) {
  if (!isOn() || navigator.userActivation?.hasBeenActive === false) return;
  const start = async () => {
    if (!players.has(sound)) players.set(sound, new Audio(`${document.body.dataset.sounds}${sound}.wav`));
    try {
      await players.get(sound).play();
    } catch {
      // not allowed yet: the title and the page say it too
    }
  };
  if (!navigator.locks) {
    start();
    return;
  }
  navigator.locks.request(`openlines.sound.${key}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    await start();
    await new Promise((done) => setTimeout(done, 3000));
  });
}

/** An offer rings until it is gone, but not for ever. */
export function ring(offer) {
  let rings = 0;
  const once = () => {
    if (!document.querySelector(`[data-offer="${offer}"]`) || rings >= MAX_RINGS) {
      clearInterval(timer);
      return;
    }
    rings += 1;
    play('offer', `${offer}.${rings}`);
  };
  const timer = setInterval(once, AGAIN_MS);
  once();
}

export function chime(key) {
  play('message', `message.${key}`);
}

export function bindSwitch() {
  const input = document.getElementById('sound');
  if (!input) return;
  input.checked = isOn();
  input.addEventListener('change', () => {
    localStorage.setItem(KEY, input.checked ? 'on' : 'off');
    if (input.checked) play('message', 'try');
  });
}
