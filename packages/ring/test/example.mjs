import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { SpscRing } from '@fswal/ring';

const COUNT = 1_000_000;

if (isMainThread) {
  const ring = SpscRing.create({ capacity: 1024, recordWords: 2 });
  new Worker(new URL(import.meta.url), { workerData: ring.buffer });
  for (let i = 0; i < COUNT; i++) {
    let at = ring.claim();
    while (at < 0) {
      ring.waitNotFull(1000); // full: sleep until the other thread has released a record
      at = ring.claim();
    }
    ring.words[at] = i;
    ring.words[at + 1] = i * 2;
    ring.commit();
  }
} else {
  const ring = SpscRing.attach(workerData);
  const record = new Int32Array(ring.recordWords);
  let sum = 0;
  for (let i = 0; i < COUNT; i++) {
    while (!ring.pop(record)) ring.waitNotEmpty(1000);
    sum += record[1];
  }
  console.log(sum); // 999999000000
}
