/* P3: killed at each call with which opening mends a torn log, the next opening comes to the same log. */
import fs from 'node:fs';
import { join } from 'node:path';
import {
  blockOffset,
  decodeSegmentHeader,
  encodeSegmentHeader,
  eventOffset,
  parseSegmentFileName,
  segmentFileName,
  TAIL_RING_FILE,
} from '@fswal/format';
import { expect, test } from 'vitest';
import { SMALL } from '../src/faults/scenarios.js';
import { stopAtEachCall } from '../src/faults/stop-at-calls.js';
import { buildLog, buildRing, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, type LogImage, readImage, writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { FULL, patience } from '../src/harness/scale.js';
import { reopen } from '../src/harness/verify-log.js';
import { newDir } from './helpers/directories.js';

const TIMEOUT_MS = patience(180_000);
const EVENTS = SEGMENT_EVENTS + 3 * 256 + 100;

/** A tail of which pages are missing, above the durable position. */
function tornLog(): LogImage {
  const image = buildLog({ events: EVENTS, durable: SEGMENT_EVENTS + 300 });
  const bytes = image.get(segmentFileName(1)) as Uint8Array;
  bytes.fill(0, blockOffset(2) + eventOffset(100), blockOffset(2) + eventOffset(140));
  return image;
}

/** An unsealed block, and more in the ring than in the segments, over the segment's end. */
function killedLog(more: number): LogImage {
  const image = buildLog({ events: EVENTS, durable: SEGMENT_EVENTS + 300 });
  const after = EVENTS - 100 - 256;
  image.set(TAIL_RING_FILE, buildRing({ tailBlocks: 16, after, lastId: EVENTS + more }));
  return image;
}

/** Nothing but a segment that is full and was not closed. */
function unclosedLog(): LogImage {
  const image = buildLog({ events: SEGMENT_EVENTS, durable: 100 });
  const bytes = image.get(segmentFileName(0)) as Uint8Array;
  const header = decodeSegmentHeader(bytes);
  encodeSegmentHeader(
    { ...header, blockCount: 0, eventCount: 0, lastEventId: 0n, closedNs: 0n, lastChainedChecksum: 0n },
    bytes,
  );
  return image;
}

const LOGS: readonly (readonly [string, LogImage])[] = [
  ['with a torn tail', tornLog()],
  ['with events in its ring', killedLog(600)],
  ...(FULL
    ? ([
        ['whose ring goes on into the next segment', killedLog(3_500)],
        ['whose segment was not closed', unclosedLog()],
      ] as const)
    : []),
];

/** The files but for the times in their headers, which no two openings have in common. */
function timeless(dir: string): Map<string, Uint8Array> {
  const image = readImage(dir);
  for (const [name, bytes] of image) {
    // What was moved aside is as it was found.
    if (parseSegmentFileName(name) === undefined) continue;
    const header = decodeSegmentHeader(bytes);
    encodeSegmentHeader({ ...header, createdNs: 0n, closedNs: header.closedNs === 0n ? 0n : 1n }, bytes);
  }
  return image;
}

test.skipIf(needs('linux', 'strace')).each(LOGS)(
  'killed at any call of opening a log %s, the next opening mends it to the same bytes',
  { timeout: TIMEOUT_MS },
  async (_, image) => {
    const place = newDir();
    const [dir, copy, once] = ['log', 'copy', 'once'].map((name) => join(fs.realpathSync(place), name)) as [
      string,
      string,
      string,
    ];
    writeImage(once, image);
    expect((await reopen(once)).error).toBeUndefined();
    const expected = timeless(once);
    writeImage(dir, image);
    const faults: string[] = [];
    let before: LogImage = new Map();
    let states = 0;
    let isOpen = false;
    const steps = [['open'], ['close']] as const;
    const scenario = { dir, options: { ...SMALL, volatilePlace: 'allow' }, steps };
    const run = await stopAtEachCall(scenario, { threads: ['main'] }, async ({ lastCalls }) => {
      // With its ring a recorder is open: what a kill leaves from then on are rows P2 and L6.
      isOpen ||= /^fallocate.*wal_tail/.test(lastCalls.main ?? '');
      if (isOpen) return;
      // A call that only reads or syncs leaves the same to the next opening.
      const now = readImage(dir);
      if (differences(before, now).length === 0) return;
      before = now;
      states++;
      writeImage(copy, now);
      const { error } = await reopen(copy);
      const found = error === undefined ? differences(expected, timeless(copy)) : [error.message];
      faults.push(...found.map((text) => `${text}, after ${lastCalls.main?.slice(0, 160)}`));
    });
    expect(faults).toEqual([]);
    expect([run.hung, run.exitCode, run.stderr]).toEqual([false, 0, '']);
    expect(states).toBeGreaterThan(6);
    expect(differences(expected, timeless(dir))).toEqual([]);
  },
);
