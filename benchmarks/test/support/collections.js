// Prints how many collections of garbage there were in each of 30 loads of 2 million latencies.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const { FloorCase } = await import(process.argv[2]);
const stamps = new BigInt64Array(1_000_001).fill(1n);
const latencies = new Float32Array(1_000_000).fill(1);
const floor = new FloorCase(524_288);
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
for (let load = 0; load < 30; load++) {
  collections = 0;
  floor.burst(stamps);
  floor.paced(latencies, latencies.length, 100);
  await sleep(10);
  process.stdout.write(`${collections}\n`);
}
