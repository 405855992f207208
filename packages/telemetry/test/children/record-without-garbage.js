// Records 10 million times to each metric and to all in turn, and answers how many garbage collections each took.
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Telemetry } from '../../dist/index.js';
import { layout } from './layout.js';

const RECORDS = 10_000_000;
const telemetry = Telemetry.create(layout);
const events = telemetry.counter('events');
const level = telemetry.gauge('level');
const sync = telemetry.duration('sync');
const write = telemetry.operation('write');
const loop = telemetry.lifecycle('loop');
const append = telemetry.histogram('append');

// Fractions, and numbers that are not small integers, as a clock gives.
const loops = [
  (times) => {
    for (let i = 0; i < times; i++) events.add(i * 1000.5);
  },
  (times) => {
    for (let i = 0; i < times; i++) level.set(i * 1000.5);
  },
  (times) => {
    for (let i = 0; i < times; i++) sync.record(i * 1000.5);
  },
  (times) => {
    for (let i = 0; i < times; i++) write.record(i * 1000.5);
  },
  (times) => {
    for (let i = 0; i < times; i++) write.fail();
  },
  (times) => {
    for (let i = 0; i < times; i++) {
      loop.active(i * 1000.5);
      loop.idle(i * 1000.5);
    }
  },
  (times) => {
    for (let i = 0; i < times; i++) append.record(i * 1000.5);
  },
  // All at once is more than V8 inlines: small integers are passed without boxes all the same.
  (times) => {
    for (let i = 0; i < times; i++) {
      events.add(1);
      level.set(i);
      sync.record(i);
      write.record(i);
      write.fail();
      loop.active(i);
      loop.idle(i);
      append.record(i);
    }
  },
];

const collections = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });
const during = [];
for (const record of loops) {
  for (let i = 0; i < 20; i++) record(100_000);
  gc();
  await sleep(50);
  const start = performance.now();
  record(RECORDS);
  const end = performance.now();
  gc(); // The observer works: this one is seen, after the end.
  await sleep(50);
  if (!collections.some(({ startTime }) => startTime >= end)) throw new Error('the observer saw nothing');
  during.push(collections.filter(({ startTime }) => startTime >= start && startTime < end).length);
}
process.stdout.write(JSON.stringify({ during, count: telemetry.snapshot().append.count }));
