// Records, has one of the recorder's threads terminated from outside, and answers what came of it.
//
//   node terminate-worker.js DIR ROLE WHEN        WHEN: running, closing, or deaf: the engine never returns to its event loop
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import threads from 'node:worker_threads';
import { EventView } from '@fswal/format';
import { fillContent } from '../helpers/formula.js';

const [dir, role, when] = process.argv.slice(2);
let workers = [];
threads.Worker = class extends threads.Worker {
  constructor(...args) {
    super(...args);
    workers.push(this);
  }
};
syncBuiltinESMExports();
const { RecorderManager } = await import('../../dist/index.js');

const options = { dir, blocksPerSegment: 16, tailBlocks: 64 };
const event = new EventView();
let id = 0;
function append(recorder, times) {
  for (let i = 0; i < times; i++) {
    event.eventId = id + 1;
    fillContent(event.words, 0, id + 1);
    recorder.append(event);
    id++;
  }
}
const codeOf = (error) => error.code ?? String(error);
const outcome = (promise) => promise.then(() => 'OK', codeOf);
const descriptors = () => (fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0);

await (await RecorderManager.open(options)).close();
workers = [];
const before = descriptors();
const recorder = await RecorderManager.open(options);
append(recorder, 5000);
const answer = { durable: 0 };
if (when === 'closing') {
  const closing = outcome(recorder.close());
  workers[role].terminate();
  answer.close = await closing;
} else if (when === 'deaf') {
  const ending = workers[role].terminate();
  try {
    while (true) append(recorder, 100);
  } catch (error) {
    answer.append = codeOf(error);
  }
  await ending;
  answer.close = await outcome(recorder.close());
} else {
  const waiting = outcome(recorder.sync());
  await Promise.all([waiting, workers[role].terminate()]);
  // Whatever the thread was doing, from the next turn on nothing is taken any more.
  while (answer.append === undefined) {
    try {
      append(recorder, 100);
      await nextTurn();
    } catch (error) {
      answer.append = codeOf(error);
    }
  }
  answer.sync = await outcome(recorder.sync());
  answer.close = await outcome(recorder.close());
}
answer.durable = Number(recorder.durableEventId);
answer.leaked = descriptors() - before;
answer.appended = id;
const again = await RecorderManager.open(options);
answer.found = Number(again.resumed.lastEventId);
await again.close();
process.stdout.write(JSON.stringify(answer));
