// Records 10 million times to each metric and answers how many garbage collections that took.
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Telemetry } from '../../dist/index.js';
import { layout } from './layout.js';

const RECORDS = 10_000_000;
const telemetry = Telemetry.create(layout);
const events = telemetry.counter('events');
const level = telemetry.gauge('level');
const sync = telemetry.duration('sync');
const append = telemetry.histogram('append');

function record(times) {
  for (let i = 0; i < times; i++) {
    // Fractions, and numbers that are not small integers, as a clock gives.
    const ns = i * 1000.5;
    events.add(ns);
    level.set(ns);
    sync.record(ns);
    append.record(ns);
  }
}

const collections = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });
for (let i = 0; i < 20; i++) record(100_000);
gc();
await sleep(50);
const start = performance.now();
record(RECORDS);
const end = performance.now();
gc(); // The observer works: this one is seen, and is after the end.
await sleep(50);
const during = collections.filter(({ startTime }) => startTime >= start && startTime < end).length;
const after = collections.filter(({ startTime }) => startTime >= end).length;
process.stdout.write(JSON.stringify({ during, after, count: telemetry.snapshot().append.count }));
