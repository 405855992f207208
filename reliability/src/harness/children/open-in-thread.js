// Opens a log in a thread of the process that has it open already, and answers with the code of the error.
import { parentPort, workerData } from 'node:worker_threads';
import { RecorderManager } from '@fswal/recorder';

try {
  await RecorderManager.open({ dir: workerData.dir, volatilePlace: 'allow' });
  parentPort.postMessage('open');
} catch (error) {
  parentPort.postMessage(error.code ?? String(error));
}
