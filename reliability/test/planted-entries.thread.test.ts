/* Z3, of reading: links, fifos, devices, directories and sockets in place of files of the log. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import {
  compressedSegmentFileName,
  META_FILE,
  segmentFileName,
  TAIL_RING_FILE,
  TAIL_RING_PLACE_FILE,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { expect, test } from 'vitest';
import { buildLog, buildRing, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { patience } from '../src/harness/scale.js';
import { replay } from '../src/harness/verify-log.js';
import { newLogDir } from './helpers/directories.js';

const LAST = 2 * SEGMENT_EVENTS + 100;
/** Another log of the same ids: whatever is read of it shows. */
const other = buildLog({ events: 3 * SEGMENT_EVENTS, salt: 77 });
other.set(TAIL_RING_FILE, buildRing({ after: 0, lastId: LAST + 300, salt: 77 }));
other.set(TAIL_RING_PLACE_FILE, new TextEncoder().encode('/tmp'));
for (const index of [0, 1, 2])
  other.set(
    compressedSegmentFileName(index),
    compressSegment(other.get(segmentFileName(index)) as Uint8Array),
  );

const NAMES = [
  segmentFileName(0),
  segmentFileName(2),
  segmentFileName(3),
  compressedSegmentFileName(1),
  META_FILE,
  TAIL_RING_FILE,
  TAIL_RING_PLACE_FILE,
];

const KINDS: Readonly<Record<string, (file: string, victim: string) => void>> = {
  link: (file, victim) => fs.symlinkSync(victim, file),
  fifo: (file) => execFileSync('mkfifo', [file]),
  directory: (file) => fs.mkdirSync(file),
  // It reads as zeros without an end.
  device: (file) => execFileSync('mknod', [file, 'c', '1', '5']),
};

function victimOf(elsewhere: string, name: string): string {
  const victim = join(elsewhere, name);
  return fs.existsSync(victim) ? victim : join(elsewhere, segmentFileName(0));
}

test.skipIf(needs('linux', 'root')).each(Object.keys(KINDS))(
  'reads nothing of a %s under any name of the log, and never waits',
  {
    timeout: patience(120_000),
  },
  async (kind) => {
    const dir = newLogDir();
    const elsewhere = join(dirname(dir), 'elsewhere');
    writeImage(elsewhere, other);
    for (const name of NAMES) {
      writeImage(dir, buildLog({ events: LAST }));
      const file = join(dir, name);
      fs.rmSync(file, { force: true });
      // Beside its other form it is only looked at where that one is missing.
      if (name === compressedSegmentFileName(1)) fs.rmSync(join(dir, segmentFileName(1)));
      (KINDS[kind] as (file: string, victim: string) => void)(file, victimOf(elsewhere, name));
      const victims = [...other.keys()].map((victim) => fs.statSync(join(elsewhere, victim)).atimeMs);
      const { faults, error, lastId } = await replay(dir);
      expect(faults, name).toEqual([]);
      if (error === undefined) expect(lastId, name).toBe(LAST);
      else expect(error.code, `${name}: ${error.message}`).toBe('OPEN_FAILED');
      expect([...other.keys()].map((victim) => fs.statSync(join(elsewhere, victim)).atimeMs)).toEqual(
        victims,
      );
    }
  },
);
