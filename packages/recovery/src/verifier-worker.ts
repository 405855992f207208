/* Entry of a verifier's thread: takes jobs until it is told to stop. */
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { compressedSegmentFileName, isWhole, segmentFileName } from '@fswal/format';
import { SpmcRing } from '@fswal/ring';
import { ControlWord } from './preloader-protocol.js';
import { ReplayWindow } from './replay-window.js';
import { SegmentReader } from './segment-reader.js';
import {
  END_OF_JOBS,
  JOB_WORDS,
  JobWord,
  SLOT_WORDS,
  SlotState,
  SlotWord,
  type VerifierData,
} from './verifier-protocol.js';

const data = workerData as VerifierData;
const control = new Int32Array(data.control);
const slots = new Int32Array(data.slots);
const windows = data.windows.map((buffer) => new ReplayWindow(buffer));
const jobs = SpmcRing.attach(data.jobs);
const job = new Int32Array(JOB_WORDS);

/** Reads a segment into its window. @returns whether it is sealed and sound, and the window was large enough */
function isSound(window: ReplayWindow, slot: number): boolean {
  const segmentIndex = job[JobWord.segmentIndex];
  const compressed = job[JobWord.compressed] === 1;
  const name = compressed ? compressedSegmentFileName(segmentIndex) : segmentFileName(segmentIndex);
  const epoch = Atomics.load(control, ControlWord.epoch);
  const onProgress = () => {
    Atomics.add(control, ControlWord.progress, 1);
    if (Atomics.load(control, ControlWord.epoch) !== epoch) throw new Error('not wanted any more');
  };
  const reader = SegmentReader.open(path.join(data.dir, name), compressed, onProgress, {
    open: inSlot(slot + SlotWord.openUs),
    close: inSlot(slot + SlotWord.closeUs),
  });
  try {
    const { buffer } = window;
    const start = performance.now();
    const { count, verification } = reader.readVerified(window, { segmentIndex });
    const us = (performance.now() - start) * 1e3;
    slots[slot + SlotWord.count] = count;
    slots[slot + SlotWord.readUs] = reader.readNs / 1e3;
    slots[slot + SlotWord.verifyUs] = us - reader.readNs / 1e3;
    if (window.buffer !== buffer) return false;
    return isWhole(verification) && reader.isCurrent();
  } finally {
    reader.close();
  }
}

/** What a metric would record, for the preloader to do so: each has one writer. */
function inSlot(word: number): { record(ns: number): void } {
  return {
    record: (ns) => {
      slots[word] = ns / 1e3;
    },
  };
}

function workOff(): void {
  const index = job[JobWord.window];
  const slot = index * SLOT_WORDS;
  const shared = windows[index];
  // Where the segment needs more memory the preloader gives it; this one stays what both know.
  const window = new ReplayWindow(shared.buffer);
  let state: number = SlotState.unknown;
  try {
    if (isSound(window, slot)) state = SlotState.sound;
  } catch {
    // The preloader comes upon the same when it reads the segment, and says what it is.
  }
  // Publishes the window and the slot; pairs with the load in SegmentVerifiers.
  Atomics.store(slots, slot + SlotWord.state, state);
  Atomics.notify(slots, slot + SlotWord.state);
}

for (;;) {
  if (!jobs.pop(job)) {
    jobs.waitNotEmpty(Number.POSITIVE_INFINITY);
    continue;
  }
  if (job[JobWord.window] === END_OF_JOBS) break;
  workOff();
  // What a codec has allocated natively is given back on the thread's event loop, and nowhere else.
  await nextTurn();
}
