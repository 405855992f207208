// A producer or a consumer of a thread test. Posts { findings, count } when it is through.

import { parentPort, workerData } from 'node:worker_threads';
import { SpmcRing, SpscRing } from '../../dist/index.js';
import { END, fill, RECORD_WORDS, SequenceChecker } from './sequence.mjs';

/** Far longer than any wait can be unless its wake-up got lost: then it finds at its end what it was not told of. */
const LOST_MS = 15_000;

const { role, kind, buffer, style, wait, records, consumers, seen, slow } = workerData;
const ring = (kind === 'spsc' ? SpscRing : SpmcRing).attach(buffer);
const own = new Int32Array(RECORD_WORDS);
const nap = new Int32Array(new SharedArrayBuffer(4));

const untilNotEmpty = {
  spin: () => true,
  block: () => ring.waitNotEmpty(LOST_MS),
  async: () => ring.waitNotEmptyAsync(LOST_MS),
}[wait];
const untilNotFull = {
  spin: () => true,
  block: () => ring.waitNotFull(LOST_MS),
  async: () => ring.waitNotFullAsync(LOST_MS),
}[wait];

parentPort.postMessage(await (role === 'producer' ? produce() : consume()));

async function produce() {
  for (let i = 0; i < records + consumers; i++) {
    const sequence = i < records ? i : END;
    while (!send(sequence)) {
      const start = performance.now();
      const waited = untilNotFull();
      if (!(waited === true || (await waited)) || performance.now() - start >= LOST_MS)
        return { findings: ['a wake-up of the producer got lost'], count: i };
    }
  }
  return { findings: [], count: records };
}

function send(sequence) {
  if (style === 'copy') {
    fill(own, 0, sequence);
    return ring.push(own);
  }
  const at = ring.claim();
  if (at < 0) return false;
  fill(ring.words, at, sequence);
  ring.commit();
  return true;
}

async function consume() {
  const checker = new SequenceChecker(seen);
  for (let count = 0; ; count++) {
    let at = receive();
    while (at < 0) {
      const start = performance.now();
      const waited = untilNotEmpty();
      if (!(waited === true || (await waited)) || performance.now() - start >= LOST_MS)
        return { findings: ['a wake-up of a consumer got lost'], count };
      at = receive();
    }
    const words = style === 'copy' ? own : ring.words;
    if (style === 'release-early') ring.release();
    const sequence = words[at];
    if (slow && count % 100 === 0) Atomics.wait(nap, 0, 0, 1);
    checker.checkWhole(words, at, sequence);
    checker.take(words, at);
    if (style === 'in-place') ring.release();
    if (sequence === END) return { findings: checker.findings, count };
  }
}

/** Index of the record received, in `own` or in the ring, or -1. */
function receive() {
  if (style === 'copy') return ring.pop(own) ? 0 : -1;
  return ring.peek();
}
