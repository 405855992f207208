/* X2: what the compressor put out is damaged before it is verified. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseSegmentFileName } from '@fswal/format';
import { expect, test } from 'vitest';
import { needs } from '../src/harness/needs.js';
import { HANG_MS } from '../src/harness/recording.js';
import { count, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { checkReplay, SMALL_LOG } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const CHILD = fileURLToPath(new URL('../src/harness/children/spoil-compression.js', import.meta.url));
/** Every other one is spoiled. */
const SEGMENTS = 100;
const LOGS = count({ gate: 1, full: 100 });

test.skipIf(needs('linux'))(
  'a compressed segment that is spoiled before it is verified is counted and thrown away, and its original stays',
  { timeout: patience(120_000) },
  () =>
    seeded(async (random) => {
      for (let log = 0; log < LOGS; log++) {
        const dir = newLogDir();
        const options = { ...SMALL_LOG, tailBlocks: 64, maxSegments: 1, maxCompressedSegments: SEGMENTS };
        const config = JSON.stringify({ dir, segments: SEGMENTS, seed: random.below(2 ** 30), options });
        const { stdout } = await promisify(execFile)(process.execPath, [CHILD, config], { timeout: HANG_MS });
        const { spoiled, failures, lastId } = JSON.parse(stdout);
        expect(spoiled).toBeGreaterThanOrEqual(SEGMENTS / 2 - 1);
        expect(failures).toBe(spoiled);
        const segments = fs.readdirSync(dir).flatMap((name) => parseSegmentFileName(name) ?? []);
        const plain = segments.filter(({ compressed }) => !compressed);
        // Each is there in one form. The last one is the active one, and never compressed.
        expect(new Set(segments.map(({ segmentIndex }) => segmentIndex)).size).toBe(SEGMENTS + 1);
        expect(segments.length).toBe(SEGMENTS + 1);
        expect(plain.length).toBe(spoiled + 1);
        expect(fs.readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        expect((await checkReplay(dir, { atLeast: lastId, atMost: lastId })).faults).toEqual([]);
        fs.rmSync(dir, { recursive: true });
      }
    }),
);
