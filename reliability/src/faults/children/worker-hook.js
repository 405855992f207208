// Puts worker-shell.js in front of every worker thread of the recorder. To be called before the recorder is imported.
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const SHELL = new URL('./worker-shell.js', import.meta.url);
const PREFIX = 'fswal ';

/**
 * @param {(role: string) => object | undefined} faultOf what the shell of a role is to do; see worker-shell.js. One
 *   with `construct: true` makes the constructor throw, as where the system gives no more threads
 * @returns {Map<string, threads.Worker>} the workers that run, by role; filled as they are started
 */
export function hookWorkers(faultOf) {
  const workers = new Map();
  threads.Worker = class extends threads.Worker {
    constructor(file, options) {
      if (!options?.name?.startsWith(PREFIX)) {
        super(file, options);
        return;
      }
      const role = options.name.slice(PREFIX.length).replaceAll(' ', '-');
      const fault = faultOf(role);
      if (fault?.construct) throw new Error('no thread, on purpose');
      const { resourceLimits } = fault ?? {};
      super(SHELL, {
        ...options,
        ...(resourceLimits ? { resourceLimits } : {}),
        workerData: { ...options.workerData, shell: { role, file: String(file), fault } },
      });
      workers.set(role, this);
      this.once('exit', () => {
        if (workers.get(role) === this) workers.delete(role);
      });
    }
  };
  syncBuiltinESMExports();
  return workers;
}
