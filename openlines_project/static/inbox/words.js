// Sentences the scripts need come with the page, in the reader's language.
const words = document.getElementById('words')?.dataset ?? {};

export function say(name, values = {}) {
  return (words[name] ?? '').replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}
