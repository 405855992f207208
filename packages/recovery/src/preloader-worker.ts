/* Entry of the preloader's thread: wires the agent and runs it until it is told to stop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SpscRing } from '@fswal/ring';
import { ChangeWatch } from './change-watch.js';
import { openSource } from './open-source.js';
import { toPlainError } from './plain-error.js';
import { ControlWord, type PreloaderData, type PreloaderStart } from './preloader-protocol.js';
import { ReplayWindow } from './replay-window.js';
import { Interrupted, SegmentPreloader } from './segment-preloader.js';
import { SegmentReadAhead } from './segment-read-ahead.js';
import { SegmentVerifiers } from './segment-verifiers.js';
import { RecoveryTelemetry } from './telemetry.js';
import { windowCount } from './window-count.js';

const data = workerData as PreloaderData;
const control = new Int32Array(data.control);

let preloader: SegmentPreloader | undefined;

function onProgress(): void {
  Atomics.add(control, ControlWord.progress, 1);
  // Pairs with the add in PreloaderThread: a long read need not come to its end.
  if (Atomics.load(control, ControlWord.epoch) !== (preloader?.epoch ?? 0))
    throw new Interrupted('the replay was closed, or has gone elsewhere');
}

function start(): SegmentPreloader | undefined {
  try {
    const telemetry = RecoveryTelemetry.attach(data.telemetry).reader;
    const readAhead = new SegmentReadAhead(data.dir);
    const onRead = (ns: number, bytes: number) => readAhead.sawRead(ns, bytes);
    const source = openSource({ ...data, onProgress, onRead, telemetry });
    const count = windowCount(source.windowBytes, source.segmentCount, data.readAhead);
    const windows = Array.from({ length: count }, () => ReplayWindow.allocate(source.windowBytes));
    const filled = SpscRing.attach(data.filled);
    // One more would only watch the others. Few segments are read before more threads have started.
    const threads = source.ahead === undefined ? 1 : Math.min(data.verifyThreads, source.segmentCount);
    const verifiers = threads > 1 ? SegmentVerifiers.start(data.dir, threads, windows, control) : undefined;
    const preloader = new SegmentPreloader(source, windows, filled, exhausted, data.port, {
      verifiers,
      // Where there are several verifiers, they are what keeps a device busy.
      readAhead: verifiers === undefined ? readAhead : undefined,
      events: telemetry.events,
    });
    const ready: PreloaderStart = { windows: windows.map(({ buffer }) => buffer), summary: source.summary };
    parentPort?.postMessage(ready);
    return preloader;
  } catch (error) {
    const failed: PreloaderStart = { error: toPlainError(error) };
    parentPort?.postMessage(failed);
    return undefined;
  }
}

async function run(preloader: SegmentPreloader): Promise<void> {
  const watch = data.follow ? new ChangeWatch(data.dir, exhausted) : undefined;
  while (!preloader.stopped) {
    if (preloader.doWork() > 0) {
      watch?.found();
      // What a codec has allocated natively is given back on the thread's event loop, and nowhere else.
      await nextTurn();
    } else if (watch !== undefined && preloader.watches) {
      await watch.wait();
    } else {
      // SEEK and STOP come through the same ring, so nothing else can be worth waking for.
      exhausted.waitNotEmpty(Number.POSITIVE_INFINITY);
    }
  }
  watch?.close();
}

const exhausted = SpscRing.attach(data.exhausted);
preloader = start();
if (preloader !== undefined) await run(preloader);
preloader?.close();
data.port.close();
