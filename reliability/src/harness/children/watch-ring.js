// Polls the slots of a tail ring while an engine appends, and looks whether an event whose id is there is all there.
//
// A slot may be taken again while it is looked at: an event counts only if its id is the same before and after.

import { parentPort, workerData } from 'node:worker_threads';
import { BLOCK_EVENTS, EVENT_WORDS, tailRingEventWord } from '@fswal/format';
import { loadProvider } from '@fswal/mmap';
import { contentIsRight, fillContent } from './formula.js';

const { ring, tailBlocks } = workerData;
const words = new Int32Array(loadProvider().openMapped(ring).buffer);
const torn = [];
let seen = 0;
let next = 1;
let stopped = false;
parentPort.on('message', () => {
  stopped = true;
});
parentPort.postMessage('watching');

/** The last word of an event's content, which the engine stores right before the id. */
const LAST_WORD = EVENT_WORDS - 1;
const expected = new Int32Array(EVENT_WORDS);

function placeOf(id) {
  const index = id - 1;
  return tailRingEventWord(Math.floor(index / BLOCK_EVENTS) % tailBlocks, index % BLOCK_EVENTS);
}

/** Follows the newest event as closely as it can. Ids here are below 2^31: the high word is 0. */
function watch() {
  for (let polls = 0; polls < 200_000; polls++) {
    const at = placeOf(next);
    const id = Atomics.load(words, at);
    // At once, before the engine can store any more of it.
    const last = words[at + LAST_WORD];
    if (id < next) continue;
    fillContent(expected, 0, id);
    const right = last === expected[LAST_WORD] && contentIsRight(words, at, id);
    if (Atomics.load(words, at) === id) {
      seen++;
      if (!right && torn.length < 10) torn.push(id);
    }
    // Ahead of the engine, to be there when it comes: behind it all events are whole.
    next = id + 1 + (seen % 40);
  }
  if (stopped) parentPort.postMessage({ seen, torn });
  else setImmediate(watch);
}
watch();
