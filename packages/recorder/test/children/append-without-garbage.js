// Appends 2 million events after warming up, and answers how many garbage collections that took.
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestEvent } from '@fswal/format';
import { RecorderManager } from '../../dist/index.js';

const APPENDS = 2_000_000;
const BURST = 200_000;

const collections = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });
const recorder = await RecorderManager.open({ dir: process.argv[2] });
const event = new RequestEvent();
let id = 0;
async function append(times) {
  for (let done = 0; done < times; done += BURST) {
    for (let i = 0; i < BURST; i++) {
      id++;
      if (i % 2 === 0) {
        event.eventId = id;
        event.price = -i;
        recorder.append(event);
      } else {
        const view = recorder.claim();
        view.price = i;
        view.quantity = 3;
        recorder.commit(id);
      }
    }
    await recorder.sync();
  }
}
await append(APPENDS);
gc();
await sleep(50);
const start = performance.now();
await append(APPENDS);
const end = performance.now();
gc(); // The observer works: this one is seen, after the end.
await sleep(50);
if (!collections.some(({ startTime }) => startTime >= end)) throw new Error('the observer saw nothing');
const during = collections.filter(({ startTime }) => startTime >= start && startTime < end).length;
await recorder.close();
process.stdout.write(JSON.stringify({ during, id }));
