// Records until it dies, one way or another.
//
//   node record.js CONFIG        CONFIG: JSON, see RecordConfig in ../recording.ts

import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';
import { EventView } from '@fswal/format';
import { fillContent } from './formula.js';
import { Marks, Phase } from './marks.js';

const { dir, marksFile, seed, options, death, inWorker, readsToo } = JSON.parse(process.argv[2]);
const marks = Marks.open(marksFile);
let random = seed;
const below = (limit) => {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 8) % limit;
};

if (inWorker !== undefined) {
  // The recorder's workers start in a shell that dies where it is told to.
  threads.Worker = class extends threads.Worker {
    constructor(file, settings) {
      const shell = new URL('./deadly-worker.js', import.meta.url);
      const workerData = { ...settings.workerData, deadly: { ...inWorker, entry: String(file) } };
      super(shell, { ...settings, workerData });
    }
  };
  syncBuiltinESMExports();
}
const { RecorderManager } = await import('@fswal/recorder');

// A worker may die while the others still start.
const recorder = await RecorderManager.open({ dir, ...options }).catch(endWith);
const event = new EventView();
let id = Number(recorder.metaState.eventId);
marks.base = id;
marks.returned = id;
marks.durable = Number(recorder.durableEventId);
marks.phase = Phase.recording;
if (readsToo) {
  const { readSlowly } = await import('./slow-reader.js');
  readSlowly(dir, marks).catch((error) => {
    process.stderr.write(`the reader: ${error.stack}\n`);
  });
}
let left = death === undefined ? Number.POSITIVE_INFINITY : death.afterAppends;

try {
  for (;;) {
    append(below(600));
    marks.durable = Number(await nextDurable());
  }
} catch (error) {
  await endWith(error);
}

/** A worker has failed: what the engine heard of it goes to the parent, and the process ends in its worst way. */
async function endWith(error) {
  if (inWorker === undefined) throw error;
  process.stdout.write(String(error.code ?? error), () => process.kill(process.pid, 'SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}

function append(times) {
  for (let n = times; n > 0; n--) {
    id++;
    if (n % 2 === 0) {
      event.eventId = id;
      fillContent(event.words, 0, id);
      recorder.append(event);
    } else {
      const view = recorder.claim();
      fillContent(view.words, view.base, id);
      recorder.commit(id);
    }
    marks.returned = id;
    if (--left === 0) die(death.way);
  }
}

/** Asks in one of the ways that there are, or does not ask and looks. */
async function nextDurable() {
  switch (below(6)) {
    case 0:
      return recorder.sync();
    case 1:
      return recorder.waitDurable(id);
    default:
      await new Promise((resolve) => setTimeout(resolve, below(3)));
      return recorder.watermarks.durable;
  }
}

function die(way) {
  switch (way) {
    case 'abort':
      return process.abort();
    case 'exit':
      return process.exit(3);
    case 'throw':
      throw new Error('on purpose');
    case 'out of memory':
      return allocateForEver();
    default:
      process.kill(process.pid, way);
  }
}

/** Touches every page, or the kernel gives none of them. */
function allocateForEver() {
  for (const kept = []; ; ) kept.push(Buffer.alloc(8 << 20, 1));
}
