// Takes the lock on a directory and says 'locked', or the code of the error. Holds it until told to end.
import { parentPort, workerData } from 'node:worker_threads';
import { loadProvider } from '../../dist/index.js';

const [name, dir] = parentPort === null ? process.argv.slice(2) : workerData;
const say = (line) =>
  parentPort === null ? process.stdout.write(`${line}\n`) : parentPort.postMessage(line);
try {
  await loadProvider(name).lockDirectory(dir);
  say('locked');
} catch (error) {
  say(error.code ?? error.stack);
}
if (parentPort === null) process.stdin.resume();
else parentPort.once('message', () => process.exit());
