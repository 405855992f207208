// Follows a log and checks every event: a thread, or a process with an IPC channel.
//
//   CONFIG: { dir, fromEventId, how }     how: one of the functions of `ways` below
//
// Says where it stands, { at }, now and then, and when it has ended, { at, events, faults, error }. Ends at the message
// { until }: an event that it has to reach.

import { parentPort, workerData } from 'node:worker_threads';
import { RecoveryManager } from '@fswal/recovery';
import { contentIsRight } from './formula.js';

const { dir, fromEventId, how } = workerData ?? JSON.parse(process.argv[2]);
const port = parentPort ?? process;
const say = (message) => (parentPort === null ? process.send(message) : parentPort.postMessage(message));

const SAY_EVERY = 1000;
const LONGEST_WAIT_MS = 50;
let at = fromEventId - 1;
let events = 0;
let until = Number.POSITIVE_INFINITY;
const faults = [];
port.on('message', (message) => {
  until = message.until;
});

function check(words, base) {
  const id = (words[base] >>> 0) + words[base + 1] * 2 ** 32;
  if (id !== at + 1) fault(`event ${id} follows ${at}`);
  if (!contentIsRight(words, base, id)) fault(`event ${id} was never appended`);
  at = id;
  if (++events % SAY_EVERY === 0) say({ at });
}

function fault(text) {
  if (faults.length < 5) faults.push(text);
}

const ways = {
  async next(recovery) {
    while (at < until) {
      while (recovery.next()) check(recovery.event.words, recovery.event.base);
      await recovery.waitForNext(LONGEST_WAIT_MS);
    }
  },
  async nextBlock(recovery) {
    while (at < until) {
      for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
        for (let i = 0; i < block.count; i++) check(block.words, block.base + 16 * i);
      }
      await recovery.waitForNext(LONGEST_WAIT_MS);
    }
  },
  async iterator(recovery) {
    // Without an event it would wait for ever.
    const stop = setInterval(() => {
      if (at >= until) void recovery.close();
    }, LONGEST_WAIT_MS);
    for await (const event of recovery) check(event.words, event.base);
    clearInterval(stop);
  },
};

const recovery = await RecoveryManager.open({ dir, follow: true, fromEventId });
let error = null;
say({ at });
try {
  await ways[how](recovery);
} catch (caught) {
  error = { code: caught.code, message: String(caught.message), eventId: String(caught.eventId) };
}
await recovery.close();
say({ at, events, faults, error });
if (parentPort === null) process.disconnect();
else parentPort.unref();
