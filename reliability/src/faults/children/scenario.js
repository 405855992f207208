// Records by a list of steps, says how each went, and publishes R and D in a file that survives it.
//
//   node scenario.js '{ "dir", "published", "control", "options", "traced", "steps", "readMeta" }'
//
// Steps: ["open"] ["openIfClosed"] ["append", n] ["appendUntilRefused", most] ["appendUntilFull", most] ["sync"] ["syncLater"] ["synced"] ["close"] ["sleep", ms]
//        ["appendPatiently", n] ["readAll"] ["fill", file]
//        ["reopen"] (opens and closes again) ["write", file, bytes] ["remove", file] ["until", file] (waits for it)
//        ["stop"] (all its threads, until SIGCONT) ["in", dir] (from now on another log, as in a process of its own)
//        ["repair"] ["leave", file, bytes] (fills the disk but for so much) ["reopenIfRefused"] (where the last "reopen" failed)
// One JSON line a step on stdout: { step, code, message, returned, durable, stored, files, fds }.
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentIsRight, fillContent } from '../../harness/children/formula.js';
import { waitForTracer } from './gate.js';
import { hookWorkers } from './worker-hook.js';

const { dir: firstDir, published, control, options, traced, steps, readMeta } = JSON.parse(process.argv[2]);
let dir = firstDir;
const tracedWorkers = traced.filter((role) => role !== 'main');
const hooked = tracedWorkers.length > 0;
// Only the first life of each: nobody traces the threads of a recorder that is opened later.
if (hooked) {
  const waiting = new Set(tracedWorkers);
  hookWorkers((role) => (waiting.delete(role) ? { controlDir: control } : undefined));
}
const { RecorderManager } = await import('@fswal/recorder');
const { EventView } = await import('@fswal/format');
if (options.ignoreFileSizeSignal) process.on('SIGXFSZ', () => {});
delete options.ignoreFileSizeSignal;

const PASSING = ['BACKPRESSURE', 'DISK_FULL'];
const PATIENCE_TRIES = 200;
const PATIENCE_MS = 20;

const place = fs.openSync(published, 'r+');
const numbers = new BigUint64Array(2);
const bytes = new Uint8Array(numbers.buffer);
const event = new EventView();
let recorder;
let id = 0;
let later;
/** Whether the last `reopen` has failed. */
let refused = false;

function publish() {
  fs.writeSync(place, bytes, 0, bytes.length, 0);
}

function returned() {
  numbers[0] = BigInt(id);
  publish();
}

/** D only ever grows here: one that falls is told as what it is. */
function durable(eventId) {
  if (eventId < numbers[1]) throw new Error(`the durable position fell from ${numbers[1]} to ${eventId}`);
  numbers[1] = eventId;
  publish();
}

function append() {
  event.eventId = id + 1;
  fillContent(event.words, 0, id + 1);
  recorder.append(event);
  id++;
  returned();
}

function storedPosition() {
  const file = join(dir, 'wal_meta.dat');
  return fs.existsSync(file) ? Number(fs.readFileSync(file).readBigUInt64LE(8)) : 0;
}

const actions = {
  /** `more` options as JSON. */
  async open(more = '{}') {
    recorder = await RecorderManager.open({ dir, ...options, ...JSON.parse(more) });
    id = Math.max(id, Number(recorder.metaState.eventId));
  },
  async openIfClosed() {
    if (recorder === undefined) await actions.open();
  },
  async append(count) {
    for (let i = 0; i < count; i++) {
      append();
      if (i % 1024 === 1023) await new Promise(setImmediate);
    }
  },
  async appendUntilRefused(most) {
    for (let i = 0; i < most; i++) {
      append();
      if (i % 1024 === 1023) await new Promise(setImmediate);
    }
  },
  /** BACKPRESSURE comes where the disk is full and nobody has noticed yet. */
  async appendUntilFull(most) {
    for (let i = 0, tries = 0; i < most; i++) {
      try {
        append();
      } catch (error) {
        if (error.code !== 'BACKPRESSURE' || ++tries > PATIENCE_TRIES) throw error;
        await sleep(PATIENCE_MS);
      }
      if (i % 1024 === 1023) await new Promise(setImmediate);
    }
  },
  async sync() {
    durable(await recorder.sync());
  },
  syncLater() {
    later = recorder.sync();
    later.catch(() => {});
  },
  async synced() {
    durable(await later);
  },
  async close() {
    const closing = recorder;
    try {
      await closing.close();
    } finally {
      durable(closing.durableEventId);
    }
  },
  async reopen() {
    refused = true;
    const again = await RecorderManager.open({ dir, ...options });
    await again.close();
    refused = false;
  },
  async reopenIfRefused() {
    if (refused) await actions.reopen();
  },
  in(another) {
    dir = another;
    recorder = undefined;
    id = 0;
    numbers.fill(0n);
    publish();
  },
  leave(file, size) {
    const { bavail, bsize } = fs.statfsSync(join(file, '..'));
    fs.writeFileSync(file, new Uint8Array(Math.max(0, bavail * bsize - size)));
  },
  async sleep(ms) {
    await sleep(ms);
  },
  /** As a user would who goes on after BACKPRESSURE and DISK_FULL, which pass. */
  async appendPatiently(count) {
    for (let tries = 0; count > 0; ) {
      try {
        append();
        count--;
      } catch (error) {
        if (!PASSING.includes(error.code) || ++tries > PATIENCE_TRIES) throw error;
        await sleep(PATIENCE_MS);
      }
    }
  },
  /** What recovery reads while the recorder is open. */
  async readAll(line) {
    const { RecoveryManager } = await import('@fswal/recovery');
    const recovery = await RecoveryManager.open({ dir });
    line.read = 0;
    while (recovery.next()) {
      const { event: read } = recovery;
      if (read.eventId !== line.read + 1 || !contentIsRight(read.words, read.base, read.eventId)) break;
      line.read++;
    }
    await recovery.close();
  },
  async repair() {
    const { repairLog } = await import('@fswal/recovery');
    await repairLog({ dir });
  },
  write(file, size) {
    fs.writeFileSync(file, new Uint8Array(size));
  },
  /** Until not a byte is left. */
  fill(file) {
    const fd = fs.openSync(file, 'a');
    try {
      for (const size of [1 << 16, 4096, 512, 1]) {
        const chunk = new Uint8Array(size).fill(1);
        try {
          for (;;) fs.writeSync(fd, chunk);
        } catch (error) {
          if (error.code !== 'ENOSPC') throw error;
        }
      }
    } finally {
      fs.closeSync(fd);
    }
  },
  remove(file) {
    fs.unlinkSync(file);
  },
  /** Until its parent lets it go on. */
  stop() {
    process.kill(process.pid, 'SIGSTOP');
  },
  /** Says so without opening anything, for descriptors may be what is short. */
  async until(file) {
    say({ waiting: file });
    while (!fs.existsSync(file)) await sleep(2);
  },
};

function say(what) {
  fs.writeSync(1, `${JSON.stringify(what)}\n`);
}

/** Descriptors of this process that are files of the log, or the log's directory. */
function openFiles() {
  const links = fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that lists them.
      return '';
    }
  });
  return links.filter((file) => file.startsWith(dir)).length;
}

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

if (traced.includes('main')) waitForTracer(control, 'main');
for (const [name, ...args] of steps) {
  const line = { step: name };
  try {
    await actions[name](...(name === 'readAll' ? [line] : args));
    line.code = 'OK';
  } catch (error) {
    line.code = error.code ?? error.name;
    line.typed = error.name === 'WalError';
    line.message = error.message;
  }
  if (readMeta) line.stored = storedPosition();
  line.returned = id;
  line.durable = recorder === undefined ? 0 : Number(recorder.durableEventId);
  if (name === 'close' || name.startsWith('reopen')) {
    try {
      line.files = openFiles();
      line.fds = descriptors();
    } catch (error) {
      // Where descriptors are what is short, there is none to count them with.
      if (error.code !== 'EMFILE') throw error;
    }
  }
  say(line);
}
