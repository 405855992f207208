// Opens a recorder again and again, and lets one of its threads end each time in some way.
//
//   node worker-faults.js '{ "dir", "options", "trials": [{ "role", "way", "after" }] }'
//
// Ways: terminate (from outside), throw, exit, memory; never, never-quietly, no-thread (it does not even start).
// One JSON line a trial: { opened, append, sync, waiter, close, returned, durable, stored, files, threads }; once it is
// known what the next recorder finds, `found` is in the line too. A last one finds what the last trial left.
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fillContent } from '../../harness/children/formula.js';
import { hookWorkers } from './worker-hook.js';

const NEVER = { never: 'never', 'never-quietly': 'never, quietly' };
const BATCH = 50;
const SYNC_EVERY = 8;
/** Many more turns than any fault needs to strike. */
const MOST_TURNS = 20_000;
const HANG_MS = 30_000;
const MEMORY = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };

const { dir, options, trials } = JSON.parse(process.argv[2]);
let current;
const workers = hookWorkers((role) => (current?.role === role ? faultOf(current) : undefined));
const { RecorderManager } = await import('@fswal/recorder');
const { EventView } = await import('@fswal/format');
const event = new EventView();
let id = 0;

function faultOf({ way, after }) {
  if (way === 'terminate') return undefined;
  if (way === 'no-thread') return { construct: true };
  if (way in NEVER) return { way: NEVER[way] };
  return { way, after, ...(way === 'memory' ? { resourceLimits: MEMORY } : {}) };
}

function append(recorder) {
  event.eventId = id + 1;
  fillContent(event.words, 0, id + 1);
  recorder.append(event);
  id++;
}

const codeOf = (error) => (error.name === 'WalError' ? error.code : `untyped: ${error.stack}`);
const outcome = (promise) => promise.then(() => 'OK', codeOf);

function openFiles() {
  let count = 0;
  for (const fd of fs.readdirSync('/proc/self/fd')) {
    try {
      if (fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir)) count++;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return count;
}

function storedEventId() {
  const file = join(dir, 'wal_meta.dat');
  return fs.existsSync(file) ? Number(fs.readFileSync(file).readBigUInt64LE(8)) : 0;
}

async function recordUntilRefused(recorder, { way, role, after }, line) {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    if (way === 'terminate' && turn === after) workers.get(role)?.terminate();
    try {
      for (let i = 0; i < BATCH; i++) append(recorder);
    } catch (error) {
      // What passes is no answer to the fault.
      if (error.code === 'BACKPRESSURE') {
        // That a thread has ended is told to those who return to the event loop.
        await nextTurn();
        continue;
      }
      line.append = codeOf(error);
      return;
    }
    if (turn % SYNC_EVERY === 0) line.waiter = await outcome(recorder.sync());
    else await nextTurn();
  }
}

async function runTrial(trial) {
  const line = {};
  const before = openFiles();
  current = trial;
  let recorder;
  try {
    recorder = await RecorderManager.open({ dir, ...options });
    line.opened = 'OK';
    tell(recorder);
  } catch (error) {
    line.opened = codeOf(error);
  }
  current = undefined;
  if (recorder !== undefined) {
    await recordUntilRefused(recorder, trial, line);
    line.sync = await outcome(recorder.sync());
    line.close = await outcome(recorder.close());
    line.durable = Number(recorder.durableEventId);
    line.stored = storedEventId();
  }
  line.returned = id;
  line.files = openFiles() - before;
  line.threads = workers.size;
  unfound.push(line);
}

/** The lines of the trials since which no recorder has been open. */
const unfound = [];

/** Tells those lines: this is what the first recorder after them has found. */
function tell(recorder) {
  for (const line of unfound.splice(0)) {
    line.found = Number(recorder.metaState.eventId);
    fs.writeSync(1, `${JSON.stringify(line)}\n`);
  }
}

for (const trial of trials) {
  const watchdog = setTimeout(() => {
    fs.writeSync(1, `${JSON.stringify({ hangs: true })}\n`);
    process.exit(1);
  }, HANG_MS);
  await runTrial(trial);
  clearTimeout(watchdog);
}
const last = await RecorderManager.open({ dir, ...options });
tell(last);
await last.close();
// A thread that an open() left behind would keep the process alive.
process.exit(0);
