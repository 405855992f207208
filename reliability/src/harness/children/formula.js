// The content of an event, from its id alone. Plain JavaScript, because children use it too.

const EVENT_WORDS = 16;

/** Fills the 14 words behind the id of the event at `base`. */
export function fillContent(words, base, id) {
  const seed = id | 0;
  for (let i = 2; i < EVENT_WORDS; i++) words[base + i] = Math.imul(seed ^ (i * 0x9e3779b1), 0x85ebca6b) ^ i;
}

/** Whether the 14 words are those of that id. */
export function contentIsRight(words, base, id) {
  const seed = id | 0;
  for (let i = 2; i < EVENT_WORDS; i++) {
    if (words[base + i] !== (Math.imul(seed ^ (i * 0x9e3779b1), 0x85ebca6b) ^ i)) return false;
  }
  return true;
}
