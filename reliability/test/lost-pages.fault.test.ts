/* L1, L3: every state of pages and names that a power cut may leave, after what a recorder really did to its files. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  decodeMeta,
  durableSegmentMissing,
  META_FILE,
  parseSegmentFileName,
  type SegmentFile,
  withoutRetired,
} from '@fswal/format';
import { decompressSegment, MAX_SEGMENT_BYTES, oneFormEach } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { ChangeLog, type CutState, type Loss } from '../src/faults/change-log.js';
import { type LogImage, writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { type ScannedLog, type ScannedSegments, scanLog, scanSegments } from '../src/harness/scan-log.js';
import { type Random, seeded } from '../src/harness/seeded.js';
import { checkLog, faultsOf } from '../src/harness/verify-log.js';
import { newDir, newLogDir } from './helpers/directories.js';

const child = (name: string) => fileURLToPath(new URL(`../src/faults/children/${name}`, import.meta.url));
const TIMEOUT_MS = patience(180_000);
/** So many states recovery and a recorder see one of. */
const SAMPLE = FULL ? 5_000 : 2_500;

const LOGS = [
  ['a log that keeps all', {}],
  ['a log that compresses, retires and recycles', { maxSegments: 1, maxCompressedSegments: 1 }],
] as const;

/** Records a log in a process of its own, whose ring is on tmpfs: a power cut leaves nothing of it. */
async function record(options: object, random: Random): Promise<ChangeLog> {
  const place = newDir();
  const [dir, ring, out] = ['log', 'ring', 'out'].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [dir, ring, out]) fs.mkdirSync(made, { mode: 0o700 });
  const bursts = Array.from({ length: 24 }, () => random.pick([1, 40, 300, 700]) + random.below(200));
  const config = {
    dir,
    bursts,
    options: { blocksPerSegment: 16, tailBlocks: 8, tailRingDir: ring, volatilePlace: 'allow', ...options },
  };
  const args = ['--import', child('watch-changes.js'), child('record-watched.js'), JSON.stringify(config)];
  const env = { ...process.env, FSWAL_CHANGES: `${fs.realpathSync(dir)}:${out}` };
  await promisify(execFile)(process.execPath, args, { env });
  expect(scanLog(dir).lastId).toBe(bursts.reduce((sum, events) => sum + events));
  return new ChangeLog(out);
}

/** As `scanLog`, of files in memory; undefined where the durable position must be derived. */
function scanImage(image: LogImage): { scanned: ScannedSegments; stored: number } | undefined {
  const position = decodeMeta(image.get(META_FILE) ?? new Uint8Array(0));
  if (position === undefined) return undefined;
  const files = [...image.keys()]
    .map(parseSegmentFileName)
    .filter((file): file is SegmentFile => file !== undefined)
    .sort((a, b) => a.segmentIndex - b.segmentIndex || Number(a.compressed) - Number(b.compressed));
  const kept = withoutRetired(oneFormEach(files), position);
  const given = kept.map(({ name, segmentIndex, compressed }) => {
    const bytes = image.get(name) as Uint8Array;
    return {
      segmentIndex,
      file: name,
      bytes: compressed ? decompressSegment(bytes, MAX_SEGMENT_BYTES, name) : bytes,
    };
  });
  const missing = durableSegmentMissing(position, kept[0]?.segmentIndex, '');
  if (missing !== undefined) throw missing;
  return { scanned: scanSegments(given, position), stored: Number(position.eventId) };
}

/** What is wrong with what a cut has left, one line each. */
function faultsAt(dir: string, { image, durable, appended }: CutState): string[] {
  const expected = { atLeast: durable, atMost: appended, from: undefined };
  let scanned: ScannedSegments | ScannedLog;
  let stored = 0;
  const inMemory = scanImage(image);
  if (inMemory === undefined) {
    writeImage(dir, image);
    scanned = scanLog(dir);
  } else ({ scanned, stored } = inMemory);
  const faults = faultsOf(scanned, expected, 'the scan');
  if (stored < durable) faults.push(`W ${stored} < D ${durable}`);
  return faults;
}

async function tryCuts(
  log: ChangeLog,
  states: number,
  lossOf: (random: Random) => Loss,
  random: Random,
): Promise<void> {
  const dir = newLogDir();
  const faults: string[] = [];
  let at = 0;
  for (let n = 0; n < states && faults.length < 5; n++) {
    if (n % STATES_PER_MOMENT === 0) at = random.between(0, log.end + 1);
    const loss = lossOf(random);
    const state = log.cut(at, loss, random);
    const found = faultsAt(dir, state);
    if (found.length === 0 && n % SAMPLE === 0) {
      writeImage(dir, state.image);
      const expected = { atLeast: state.durable, atMost: state.appended, from: undefined };
      found.push(...(await checkLog(dir, expected)).faults);
    }
    const files = [...state.image].map(([name, { length }]) => `${name} ${length}`);
    faults.push(...found.map((text) => `at ${at} of ${log.end}, ${JSON.stringify(loss)}: ${text}; ${files}`));
  }
  expect(faults).toEqual([]);
}

const STATES_PER_MOMENT = 5;
const KEPT: Loss = { pagesKept: 1, namesKept: 1 };
const LIKELY = [0, 0.1, 0.5, 0.9, 1];

/** Where the device lies about its syncs: the model must show the loss, and the scan must tell it. */
function tryLies(log: ChangeLog, random: Random): void {
  const states = count({ gate: 100, full: 10_000 });
  const end = log.end + 1;
  const { image: whole } = log.cut(end, KEPT, random);
  let lost = 0;
  for (let n = 0; n < states; n++) {
    const { image, durable } = log.cut(end, { pagesKept: 0.9, namesKept: 1, lies: true }, random);
    // The position itself is there, and the packed segments, whose frames fail as a whole.
    for (const [name, bytes] of whole)
      if (name === META_FILE || name.endsWith('.lz4')) image.set(name, bytes);
    const scanned = scanImage(image)?.scanned as ScannedSegments;
    expect(scanned.faults).toEqual([]);
    if (scanned.error !== undefined) lost++;
    else expect(scanned.lastId).toBe(durable);
  }
  expect(lost).toBeGreaterThan(states / 2);
}

test.skipIf(needs('linux')).each(LOGS)(
  'of %s a power cut that loses any unsynced pages and names takes nothing durable',
  { timeout: TIMEOUT_MS },
  (_, options) =>
    seeded(async (random) => {
      const log = await record(options, random);
      expect(log.names).toBeGreaterThan(8);
      const pages = () => ({ pagesKept: random.pick(LIKELY), namesKept: random.pick([0, 0.5, 1, 1]) });
      await tryCuts(log, count({ gate: 1_250, full: 500_000 }), pages, random);
      const names = () => ({ pagesKept: random.pick([0, 1]), namesKept: random.pick([0, 0, 0.2, 0.5]) });
      await tryCuts(log, count({ gate: 500, full: 100_000 }), names, random);
      tryLies(log, random);
    }),
);
