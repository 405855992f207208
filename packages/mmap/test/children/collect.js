// Answers, as one line of JSON, how often a file is mapped at several points of its life.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { loadProvider } from '../../dist/index.js';

const [name, path] = process.argv.slice(2);
const provider = loadProvider(name);
const kept = new Map();

function keep(mapped) {
  kept.set('view', new Uint8Array(mapped.buffer));
  return mapped.share();
}

function attachWorker(shared) {
  const worker = new Worker(new URL('attach.js', import.meta.url), { workerData: shared });
  return once(worker, 'message').then(() => worker);
}

async function exit(worker) {
  worker.postMessage('exit');
  await once(worker, 'exit');
}

/** Collects until the number of mappings is the one expected, or long enough to believe that it stays another. */
async function mappings(expected) {
  for (let i = 0; ; i++) {
    gc();
    await sleep(2);
    const count = readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(path)).length;
    if (i === 100 || (i >= 10 && count === expected)) return count;
  }
}

const found = {};
let shared = keep(provider.createMapped(path, 65536));
found.inReach = await mappings(1);
kept.clear();
found.outOfReach = await mappings(0);
try {
  provider.attach(shared);
  found.attachLate = 'attached';
} catch (error) {
  found.attachLate = error.message;
}

shared = keep(provider.openMapped(path));
await exit(await attachWorker(shared));
found.workerExited = await mappings(1);
kept.clear();
found.bothGone = await mappings(0);

const worker = await attachWorker(keep(provider.openMapped(path)));
kept.clear();
found.workerAlone = await mappings(1);
worker.postMessage('read');
[found.workerReads] = await once(worker, 'message');
await exit(worker);
process.stdout.write(`${JSON.stringify(found)}\n`);
