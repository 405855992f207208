/* Z8 to Z11: bytes that somebody made to do harm, in every parser of files, in a process of its own. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BLOCK_EVENTS, segmentBytes, segmentFileName, TAIL_RING_FILE } from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { BLOCKS, buildLog, buildRing, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { newLogDir } from './helpers/directories.js';

const child = (name: string) => fileURLToPath(new URL(`../src/harness/children/${name}`, import.meta.url));
const TIMEOUT_MS = patience(120_000);
/** What a case may make a reader grow by: the segment that it may be, and what reading one takes. */
const MOST_BYTES = (16 << 20) + segmentBytes(BLOCKS);
/** Longer than a read takes on the busiest machine: a loop that does not end, or one that ends much too late. */
const HANG_MS = 90_000;

interface Outcome {
  readonly runs: number;
  readonly refused: number;
  readonly bad: readonly string[];
  readonly slowestMs: number;
  readonly slowest: number;
  readonly hashed: number;
  readonly grownBytes: number;
}

async function read(config: {
  parser: string;
  seed: number;
  runs?: number | undefined;
  ms?: number | undefined;
}): Promise<Outcome> {
  const dir = newLogDir();
  const last = SEGMENT_EVENTS + 6 * BLOCK_EVENTS + 100;
  const image = buildLog({ events: last, durable: last - 500 });
  image.set(TAIL_RING_FILE, buildRing({ after: 0, lastId: last + 300 }));
  image.set('packed', compressSegment(image.get(segmentFileName(0)) as Uint8Array));
  writeImage(dir, image);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--expose-gc',
      '--import',
      child('count-hashed.js'),
      child('read-hostile.js'),
      JSON.stringify({ ...config, dir }),
    ],
    FULL ? {} : { timeout: HANG_MS },
  );
  fs.rmSync(join(dir, '..'), { recursive: true });
  return JSON.parse(stdout) as Outcome;
}

function expectHarmless(outcome: Outcome): void {
  expect(outcome.bad).toEqual([]);
  expect(outcome.grownBytes).toBeLessThan(MOST_BYTES);
  if (FULL) expect(outcome.slowestMs, `run ${outcome.slowest}`).toBeLessThan(1_000);
}

/** Each segment is verified twice there, and a sound one takes two checksums of each byte. */
const HASHED_WHEN_SOUND = 4;

/** Runs of each parser in the gate, and what each costs. */
const PARSERS = [
  ['segment header', 20_000],
  ['block', 2_000],
  ['segment', 1_000],
  ['wal_meta.dat', 20_000],
  ['tail ring', 1_500],
  ['LZ4 file', 1_000],
  ['name', 20_000],
  ['directory', 150],
] as const;
const FULL_MS = 600_000 / PARSERS.length;

test.skipIf(needs('linux')).each(PARSERS)('no %s does harm', { timeout: TIMEOUT_MS }, (parser, runs) =>
  seeded(async (random) => {
    const seed = random.below(2 ** 31);
    const outcome = await read({ parser, seed, ...(FULL ? { ms: FULL_MS } : { runs }) });
    expectHarmless(outcome);
    expect(outcome.runs).toBeGreaterThanOrEqual(count({ gate: runs, full: 1_000 }));
    if (parser === 'segment') {
      expect(outcome.hashed).toBeGreaterThan(1);
      expect(outcome.hashed).toBeLessThan(2 * HASHED_WHEN_SOUND);
    }
    // Else it was not met at all.
    if (!['name', 'block', 'wal_meta.dat', 'tail ring'].includes(parser)) {
      expect(outcome.refused).toBeGreaterThan(outcome.runs / 10);
      expect(outcome.refused).toBeLessThan(outcome.runs);
    }
  }),
);

test.skipIf(needs('linux'))(
  'no number in any header does harm, its checksum being right',
  { timeout: TIMEOUT_MS },
  async () => {
    const outcome = await read({ parser: 'edges', seed: 1 });
    expectHarmless(outcome);
    expect(outcome.runs).toBe(464);
    expect(outcome.refused).toBeGreaterThan(100);
  },
);
