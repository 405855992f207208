/*
 * A log that has been running for a while: flat out in mode `none`, its oldest segments making room. In format version
 * 2 their files are used again; in version 1, which the C++ system reads, they are deleted, and every file is new.
 */

import path from 'node:path';
import { RecorderManager } from '@fswal/recorder';
import { filledEvent } from './append.js';
import { type BenchGroup, benchRow, ratioAtMost } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { nowNs } from './clock.js';
import { drained } from './drain.js';
import { medianRatio } from './statistics.js';

const MAX_SEGMENTS = 8;
const TARGET_NS = 20;
/** No round begins that would, going by the last one, end later. */
const BUDGET_MS = 110_000;
const MIN_ROUNDS = 2;
const FULL = { rounds: 10, events: 10_000_000, warmUpEvents: 5_000_000, blocksPerSegment: 1024 };
const QUICK = { rounds: 2, events: 600_000, warmUpEvents: 300_000, blocksPerSegment: 64 };

interface Setting {
  readonly name: string;
  readonly recorder: RecorderManager;
  readonly nsPerEvent: number[];
  lastId: number;
  /** Segments made ahead before the first round: since warming up there has been something to use again. */
  preparedBefore: number;
  recycledBefore: number;
}

export async function benchSteady({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup> {
  const { rounds, events, warmUpEvents, blocksPerSegment } = quick ? QUICK : FULL;
  const settings: Setting[] = [];
  try {
    settings.push(await openSetting('files used again', dir, 2, blocksPerSegment));
    settings.push(await openSetting('every file new (format version 1)', dir, 1, blocksPerSegment));
    for (const setting of settings) {
      progress(`${setting.name}, warming up`);
      await appendFlatOut(setting, warmUpEvents);
      setting.preparedBefore = setting.recorder.telemetry.segment_preparer.prepare_segment.count;
      setting.recycledBefore = setting.recorder.telemetry.segment_preparer.recycled_segments;
    }
    const end = performance.now() + BUDGET_MS;
    let roundMs = 0;
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      if (round >= MIN_ROUNDS && start + roundMs > end) break;
      for (const setting of settings) {
        progress(`${setting.name}, round ${round + 1} of ${rounds}`);
        setting.nsPerEvent.push(await appendFlatOut(setting, events));
      }
      roundMs = performance.now() - start;
    }
    const total = events * settings[0].nsPerEvent.length;
    const [recycling, fresh] = settings;
    return {
      group: `steady, ${total.toLocaleString('en')} events flat out, mode none, maxSegments ${MAX_SEGMENTS} (${fileSystem}, page cache)`,
      rows: settings.map((setting) => benchRow(setting.name, setting.nsPerEvent, noteOf(setting))),
      ratios: [
        ratioAtMost('ns per event, mean of all, files used again', mean(recycling.nsPerEvent), TARGET_NS),
        {
          name: 'every file new / files used again',
          value: medianRatio(fresh.nsPerEvent, recycling.nsPerEvent),
          target: '-',
          met: true,
        },
      ],
    };
  } finally {
    for (const { recorder } of settings) await recorder.close();
  }
}

async function openSetting(
  name: string,
  dir: string,
  formatVersion: 1 | 2,
  blocksPerSegment: number,
): Promise<Setting> {
  const recorder = await RecorderManager.open({
    dir: path.join(dir, `steady-${formatVersion}`),
    formatVersion,
    blocksPerSegment,
    maxSegments: MAX_SEGMENTS,
    backpressureTimeoutMs: 60_000,
    volatilePlace: 'allow',
  });
  return { name, recorder, nsPerEvent: [], lastId: 0, preparedBefore: 0, recycledBefore: 0 };
}

/** @returns nanoseconds per event, until the last one is in a segment */
async function appendFlatOut(setting: Setting, events: number): Promise<number> {
  const { recorder } = setting;
  const event = filledEvent();
  let id = setting.lastId;
  const start = nowNs();
  for (let i = 0; i < events; i++) {
    event.eventId = ++id;
    recorder.append(event);
  }
  setting.lastId = id;
  await drained(recorder);
  return (nowNs() - start) / events;
}

function noteOf({ recorder, nsPerEvent, preparedBefore, recycledBefore }: Setting): string {
  const { recycled_segments, prepare_segment } = recorder.telemetry.segment_preparer;
  const prepared = prepare_segment.count - preparedBefore;
  const recycled = recycled_segments - recycledBefore;
  return `mean ${mean(nsPerEvent).toFixed(1)} ns; ${recycled} of ${prepared} segments made of freed files`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
