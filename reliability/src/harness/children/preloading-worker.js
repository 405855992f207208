// In front of a worker: loads a module, then becomes the worker.
import { workerData } from 'node:worker_threads';

await import(workerData.preload.module);
await import(workerData.preload.file);
