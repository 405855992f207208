import { EVENT_BYTES, RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';
import { breathe } from '../interrupts.js';
import { LogVerifier } from './log-verifier.js';

/** Events between two breaths. */
const SLICE_EVENTS = 65_536;
/** Single events, each appended and synced, for the latency of a sync. */
const SYNCS = 100;

export interface BenchOptions {
  readonly dir: string;
  readonly events: number;
  readonly blocks: number;
  readonly signal: AbortSignal;
  readonly onProgress: (step: string, done: number, total: number) => void;
}

/** Nanoseconds that one of many took, by rank. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What a bench has measured. Rates are of the 64 bytes of each event. */
export interface BenchResult {
  readonly events: number;
  /** append() alone, waits for room in the tail ring included. */
  readonly appendNsPerEvent: number;
  /** From the first append until all is on the device. */
  readonly recordMBPerSec: number;
  /** next() and one field. */
  readonly replayNsPerEvent: number;
  /** open(), read, verify, deliver by nextBlock(), close(). */
  readonly replayMBPerSec: number;
  /** Reading and verifying on this thread alone. */
  readonly verifyMBPerSec: number;
  /** append() and await sync() of one event. */
  readonly syncNs: Percentiles;
  /** The fdatasync of the active segment alone. */
  readonly fdatasyncNs: Percentiles;
  /** Whether every event came back. */
  readonly complete: boolean;
}

/** Records, syncs, replays and verifies a new log in an empty directory. @throws WalError, Interrupted */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const recorded = await record(options);
  const replayed = await replay(options);
  const replayMs = await replayBlocks(options);
  const verifyMs = await verify(options);
  const { events } = options;
  const megabytes = (events * EVENT_BYTES) / 1e6;
  return {
    events,
    appendNsPerEvent: (recorded.appendMs * 1e6) / events,
    recordMBPerSec: megabytes / (recorded.ms / 1000),
    replayNsPerEvent: (replayed.ms * 1e6) / events,
    replayMBPerSec: megabytes / (replayMs / 1000),
    verifyMBPerSec: megabytes / (verifyMs / 1000),
    syncNs: recorded.syncNs,
    fdatasyncNs: recorded.fdatasyncNs,
    complete: replayed.events === events + SYNCS,
  };
}

async function record({ dir, events, blocks, signal, onProgress }: BenchOptions) {
  const recorder = await RecorderManager.open({ dir, blocksPerSegment: blocks, volatilePlace: 'allow' });
  try {
    const event = RequestEvent.from({ price: 10_050, quantity: 7, userId: 3, orderId: 11 });
    const start = performance.now();
    let appendMs = 0;
    let id = 0;
    while (id < events) {
      appendMs -= performance.now();
      const end = Math.min(events, id + SLICE_EVENTS);
      while (id < end) {
        event.eventId = ++id;
        recorder.append(event);
      }
      appendMs += performance.now();
      onProgress('recording', id, events);
      await breathe(signal);
    }
    await recorder.sync();
    const ms = performance.now() - start;
    const syncs: number[] = [];
    for (let i = 0; i < SYNCS; i++) {
      const before = performance.now();
      event.eventId = ++id;
      recorder.append(event);
      await recorder.sync();
      syncs.push((performance.now() - before) * 1e6);
      onProgress('syncing', i, SYNCS);
      await breathe(signal);
    }
    const { p50, p90, p99, max } = recorder.telemetry.meta_store.fdatasync_histogram;
    return { ms, appendMs, syncNs: percentilesOf(syncs), fdatasyncNs: { p50, p90, p99, max } };
  } finally {
    await recorder.close();
  }
}

async function replay({ dir, events, signal, onProgress }: BenchOptions) {
  const recovery = await RecoveryManager.open({ dir });
  try {
    const { event } = recovery;
    let ms = 0;
    let replayed = 0;
    let lastId = 0;
    for (let more = true; more; ) {
      ms -= performance.now();
      for (let i = 0; i < SLICE_EVENTS; i++) {
        more = recovery.next();
        if (!more) break;
        lastId = event.eventId;
        replayed++;
      }
      ms += performance.now();
      onProgress('replaying', replayed, events);
      await breathe(signal);
    }
    return { ms, events: lastId === replayed ? replayed : 0 };
  } finally {
    await recovery.close();
  }
}

async function replayBlocks({ dir, events, signal, onProgress }: BenchOptions): Promise<number> {
  const start = performance.now();
  const recovery = await RecoveryManager.open({ dir });
  try {
    let replayed = 0;
    for (let block = recovery.nextBlock(); block !== undefined; block = recovery.nextBlock()) {
      replayed += block.count;
      if (replayed % SLICE_EVENTS !== 0) continue;
      onProgress('replaying blocks', replayed, events);
      await breathe(signal);
    }
    return performance.now() - start;
  } finally {
    await recovery.close();
  }
}

async function verify({ dir, signal, onProgress }: BenchOptions): Promise<number> {
  const start = performance.now();
  const verifier = LogVerifier.open(dir);
  let done = 0;
  for (const _ of verifier.rows()) {
    onProgress('verifying', ++done, verifier.files.length);
    await breathe(signal);
  }
  const { error } = verifier.finish();
  if (error !== undefined) throw error;
  return performance.now() - start;
}

function percentilesOf(all: number[]): Percentiles {
  all.sort((a, b) => a - b);
  const at = (part: number) => all[Math.min(all.length - 1, Math.floor(part * all.length))];
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
