/* Entry of the preloader's thread: wires the agent and runs it until it is told to stop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SpscRing } from '@fswal/ring';
import { LogReader } from './log-reader.js';
import { toPlainError } from './plain-error.js';
import { ControlWord, type PreloaderData, type PreloaderStart } from './preloader-protocol.js';
import { ReplayWindow } from './replay-window.js';
import { SegmentPreloader } from './segment-preloader.js';
import { recoveryMetrics } from './telemetry.js';
import { windowCount } from './window-count.js';

const data = workerData as PreloaderData;
const control = new Int32Array(data.control);

/** Thrown from within a read when the replay was closed meanwhile. */
class Stopped extends Error {}

function onProgress(): void {
  Atomics.add(control, ControlWord.progress, 1);
  // Pairs with the store in PreloaderThread.stop: a long read need not come to its end.
  if (Atomics.load(control, ControlWord.stop) !== 0) throw new Stopped('the replay was closed');
}

function recordSegments() {
  const telemetry = recoveryMetrics(data.telemetry);
  const preload = telemetry.duration('preload_segment');
  const verify = telemetry.duration('verify_segment');
  const preloadBytes = telemetry.counter('preload_bytes');
  return (readNs: number, verifyNs: number, bytes: number) => {
    preload.record(readNs);
    verify.record(verifyNs);
    preloadBytes.add(bytes);
  };
}

function start(): SegmentPreloader | undefined {
  try {
    const { dir, tailRingDir, fromEventId, readAhead } = data;
    const onSegment = recordSegments();
    const reader = LogReader.open({ dir, tailRingDir, fromEventId, onProgress, onSegment });
    const count = windowCount(reader.windowBytes, reader.segmentCount, readAhead);
    const windows = Array.from({ length: count }, () => ReplayWindow.allocate(reader.windowBytes));
    const filled = SpscRing.attach(data.filled);
    const exhausted = SpscRing.attach(data.exhausted);
    const preloader = new SegmentPreloader(reader, windows, filled, exhausted, data.port);
    const ready: PreloaderStart = { windows: windows.map(({ buffer }) => buffer), summary: reader.summary };
    parentPort?.postMessage(ready);
    return preloader;
  } catch (error) {
    const failed: PreloaderStart = { error: toPlainError(error) };
    parentPort?.postMessage(failed);
    return undefined;
  }
}

const preloader = start();
if (preloader !== undefined) {
  const exhausted = SpscRing.attach(data.exhausted);
  while (!preloader.stopped) {
    // STOP comes through the same ring, so nothing else can be worth waking for.
    if (preloader.doWork() === 0) exhausted.waitNotEmpty(Number.POSITIVE_INFINITY);
    // What a codec has allocated natively is given back on the thread's event loop, and nowhere else.
    else await nextTurn();
  }
}
data.port.close();
