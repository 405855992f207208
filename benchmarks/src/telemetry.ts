/* What telemetry costs the engine's thread: the same appends, timed once in so many and never. */

import path from 'node:path';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import { type BenchGroup, benchRow, ratioAtMost } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { interleave, nsPer } from './interleave.js';
import { medianRatio } from './statistics.js';

/** Small rings: several default ones would push each other out of the processor's cache. A burst fits. */
const TAIL_BLOCKS = 256;
const BURST = 60_160;
const ROUNDS = 201;
const WARM_UP_ROUNDS = 20;
const QUICK_ROUNDS = 3;
const OFF = 0;
/** The default: one sample in 4096. */
const DEFAULT = 4096;
const EVERY = [OFF, DEFAULT, 1024, 256, 16];
const MOST = 1.05;

/** One recorder for each rate of sampling, side by side; between bursts their threads sleep. */
export async function benchTelemetry({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup> {
  const cases: Record<string, () => Promise<number>> = {};
  const recorders: RecorderManager[] = [];
  for (const every of EVERY) {
    const recorder = await RecorderManager.open({
      dir: path.join(dir, `every-${every}`),
      maxSegments: 2,
      tailBlocks: TAIL_BLOCKS,
      volatilePlace: 'allow',
      ...(every !== DEFAULT && { telemetry: { sampleAppends: every } }),
    });
    recorders.push(recorder);
    cases[append(every)] = appendCase(recorder);
    // Not of all: each recorder has a class of views of its own, and V8 tells no more than four of them apart.
    if (every === OFF || every === DEFAULT) cases[claim(every)] = claimCase(recorder);
  }
  progress('appending');
  const values = await interleave(quick ? QUICK_ROUNDS : ROUNDS, WARM_UP_ROUNDS, cases);
  for (const recorder of recorders) await recorder.close();
  return {
    group: `telemetry, bursts of ${BURST.toLocaleString('en')} events that fit the ring (${fileSystem}, page cache)`,
    rows: Object.entries(values).map(([name, ns]) => benchRow(name, ns)),
    ratios: [append, claim].map((name) =>
      ratioAtMost(
        `${name(DEFAULT)} / ${name(OFF)}`,
        medianRatio(values[name(DEFAULT)], values[name(OFF)]),
        MOST,
      ),
    ),
  };
}

function append(every: number): string {
  return `append, ${describe(every)}`;
}
function claim(every: number): string {
  return `claim + commit, ${describe(every)}`;
}
function describe(every: number): string {
  if (every === OFF) return 'never timed';
  return `timed 1 in ${every}${every === DEFAULT ? ' (default)' : ''}`;
}

function appendCase(recorder: RecorderManager): () => Promise<number> {
  const event = filledEvent();
  return async () => {
    let next = Number(recorder.metaState.eventId);
    const ns = nsPer(BURST, () => {
      for (let i = 0; i < BURST; i++) {
        event.eventId = ++next;
        recorder.append(event);
      }
    });
    await recorder.sync();
    return ns;
  };
}

function claimCase(recorder: RecorderManager): () => Promise<number> {
  return async () => {
    let next = Number(recorder.metaState.eventId);
    const ns = nsPer(BURST, () => {
      for (let i = 0; i < BURST; i++) {
        const claimed = recorder.claim();
        claimed.price = i;
        claimed.quantity = 7;
        claimed.userId = 3;
        claimed.orderId = i;
        recorder.commit(++next);
      }
    });
    await recorder.sync();
    return ns;
  };
}
