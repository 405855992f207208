// Moves records in a process of its own, with nothing else going on, and prints the collections that it took.

import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpmcRing, SpscRing } from '../../dist/index.js';

const WARMUP = 100_000;
const RECORDS = 3_000_000;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const result = {};
for (const Ring of [SpscRing, SpmcRing]) {
  const ring = Ring.create({ capacity: 1024, recordWords: 16 });
  run(ring, WARMUP);
  await sleep(20);
  collections = 0;
  const before = process.memoryUsage().heapUsed;
  run(ring, RECORDS);
  const bytes = process.memoryUsage().heapUsed - before;
  await sleep(20);
  result[Ring.name] = { collections, bytesPerRecord: Math.round(bytes / RECORDS) };
}
process.stdout.write(JSON.stringify(result));

function run(ring, count) {
  const record = new Int32Array(16);
  for (let i = 0; i < count; i++) {
    record[0] = i;
    ring.push(record);
    ring.pop(record);
    ring.words[ring.claim()] = i;
    ring.commit();
    record[0] = ring.words[ring.peek()];
    ring.release();
  }
}
