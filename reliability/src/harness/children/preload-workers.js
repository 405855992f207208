// Makes every worker thread that is started from now on load a module before its own. `--import` reaches no thread whose
// starter says so.
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const SHELL = new URL('./preloading-worker.js', import.meta.url);

/** To be called before what starts the threads is imported. @param {string} module URL of the module */
export function preloadWorkers(module) {
  threads.Worker = class extends threads.Worker {
    constructor(file, options) {
      const preload = { module, file: String(file) };
      super(SHELL, { ...options, workerData: { ...options?.workerData, preload } });
    }
  };
  syncBuiltinESMExports();
}
