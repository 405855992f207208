// Replays a log in a process of its own, with nothing else going on, and prints the collections that it took, and what
// it allocated for each event: by next() and by nextBlock(), over segments that have been verified ahead. (To wait for
// one allocates, by the clock.)
//
//   node allocation-run.mjs DIR SEGMENTS

import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecoveryManager } from '../../dist/index.js';

const [dir, readAhead] = [process.argv[2], Number(process.argv[3])];
/** What V8 keeps in a variable of a loop, and does not fit 31 bits, it may allocate anew in each turn. */
const sums = new Float64Array(1);

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const result = {};
for (const [name, replay] of Object.entries({ next: replayEvents, nextBlock: replayBlocks })) {
  for (const isWarmUp of [true, false]) {
    const recovery = await RecoveryManager.open({ dir, readAhead });
    while (recovery.telemetry.segment_reader.verify_segment.count < readAhead) await sleep(5);
    await sleep(20);
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    const events = replay(recovery);
    const bytes = process.memoryUsage().heapUsed - before;
    await sleep(20);
    if (!isWarmUp) result[name] = { events, collections, bytesPerEvent: Math.round(bytes / events) };
    await recovery.close();
  }
}
process.stdout.write(JSON.stringify(result));

function replayEvents(recovery) {
  const { event } = recovery;
  let count = 0;
  while (recovery.next()) {
    sums[0] += event.eventId + event.price + event.quantity + event.userId;
    count++;
  }
  return count;
}

function replayBlocks(recovery) {
  let count = 0;
  for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
    for (let at = block.base, end = at + block.count * 16; at < end; at += 16) sums[0] += block.words[at + 4];
    count += block.count;
  }
  return count;
}
