/* F3, F5, C6: reads that fail, are interrupted or give less than was asked for, and files that somebody cuts meanwhile. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  BLOCK_EVENTS,
  compressedSegmentFileName,
  META_FILE,
  segmentFileName,
  TAIL_RING_FILE,
  WalError,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { RecoveryManager } from '@fswal/recovery';
import { expect, test } from 'vitest';
import { parseTrace, type TracedCall, wasStruck } from '../src/faults/strace.js';
import { buildLog, buildRing, SEGMENT_EVENTS } from '../src/harness/build-log.js';
import { differences, readImage, writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { count, FULL, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { newDir, newLogDir } from './helpers/directories.js';

const child = (name: string) => fileURLToPath(new URL(`../src/harness/children/${name}`, import.meta.url));
const run = promisify(execFile);
const TIMEOUT_MS = patience(120_000);
const IN_SEGMENTS = 2 * SEGMENT_EVENTS + 700;
const LAST = IN_SEGMENTS + 200;
/** More than are read ahead. */
const CUT_SEGMENTS = 4;

/** A compressed segment, a closed one, an open one, and a ring with more. */
function wholeLog(): Map<string, Uint8Array> {
  const image = buildLog({ events: IN_SEGMENTS });
  const first = image.get(segmentFileName(0)) as Uint8Array;
  image.delete(segmentFileName(0));
  image.set(compressedSegmentFileName(0), compressSegment(first));
  image.set(TAIL_RING_FILE, buildRing({ after: 0, lastId: LAST }));
  return image;
}

interface Outcome {
  readonly events: number;
  readonly lastId: number;
  readonly wrong: number;
  readonly code: string;
  readonly typed: boolean;
}

/** Replays a log in a process whose calls on it are listed, and harmed by these injections of strace. */
async function replayTraced(
  dir: string,
  injections: readonly string[] = [],
): Promise<{ outcome: Outcome; calls: readonly TracedCall[] }> {
  const trace = join(newDir(), 'trace');
  const paths = [dir, ...fs.readdirSync(dir).map((name) => join(dir, name))].flatMap((path) => ['-P', path]);
  const inject = injections.flatMap((text) => ['-e', `inject=${text}`]);
  const options = ['-f', '--seccomp-bpf', '-qq', '-s', '0', '-y', '-o', trace, ...paths];
  const { stdout } = await run('strace', [
    ...options,
    ...['-e', 'trace=pread64,read,getdents64,openat', ...inject],
    ...[process.execPath, child('replay-whole.js'), dir],
  ]);
  const text = fs.readFileSync(trace, 'latin1').replace(/^\d+ +/gm, '');
  return { outcome: JSON.parse(stdout) as Outcome, calls: parseTrace(text) };
}

const ERRORS = FULL ? ['EIO', 'EACCES', 'ENOMEM'] : ['EIO'];

test.skipIf(needs('linux', 'strace'))(
  'a read that fails is READ_FAILED, and never the end of the log',
  { timeout: TIMEOUT_MS },
  async () => {
    const dir = newLogDir();
    for (const withMeta of [true, false]) {
      const image = wholeLog();
      if (!withMeta) image.delete(META_FILE);
      writeImage(dir, image);
      const { outcome, calls } = await replayTraced(dir);
      expect(outcome).toEqual({ events: LAST, lastId: LAST, wrong: 0, code: 'OK', typed: true });
      // The front of the first compressed segment, only to know how large a window to take: it is read again.
      const sizing = calls.find(({ text }) => / 32768, 0\)/.test(text));
      // Without the file that names the position, what is new is how that is found.
      const reads = calls.filter(({ name, text }) =>
        name === 'pread64'
          ? withMeta || FULL || / 192, 0\)| 32768, 0\)/.test(text)
          : name === 'getdents64' && withMeta,
      );
      expect(reads.length).toBeGreaterThan(withMeta ? 8 : 0);
      for (const { name, when, text } of reads.filter(({ when, name }) => name === 'pread64' || when === 1)) {
        for (const error of ERRORS)
          for (const times of FULL ? [`${when}`, `${when}+`] : [`${when}`]) {
            const struck = await replayTraced(dir, [`${name}:error=${error}:when=${times}`]);
            expect(wasStruck(struck.calls), text).toBe(true);
            const code = when === sizing?.when && times === `${when}` ? 'OK' : 'READ_FAILED';
            expect(struck.outcome, text).toMatchObject({ code, typed: true, wrong: 0 });
            // What was told before is the log's beginning.
            const { events, lastId } = struck.outcome;
            expect(lastId, text).toBe(code === 'OK' ? LAST : events);
          }
      }
      expect(differences(image, readImage(dir))).toEqual([]);
    }
  },
);

test.skipIf(needs('linux', 'strace'))(
  'reads that signals interrupt are made again',
  { timeout: TIMEOUT_MS },
  async () => {
    const dir = newLogDir();
    writeImage(dir, wholeLog());
    const { outcome, calls } = await replayTraced(dir, ['pread64:error=EINTR:when=1+2']);
    expect(wasStruck(calls)).toBe(true);
    expect(outcome).toEqual({ events: LAST, lastId: LAST, wrong: 0, code: 'OK', typed: true });
  },
);

test('reads that give less than was asked for are gone on with', { timeout: TIMEOUT_MS }, async () => {
  const dir = newLogDir();
  writeImage(dir, wholeLog());
  const args = ['--import', child('short-reads.js'), child('replay-whole.js'), dir];
  const { stdout } = await run(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual({ events: LAST, lastId: LAST, wrong: 0, code: 'OK', typed: true });
});

test(
  'a file that somebody cuts while it is read is an error with its name, and no signal',
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    seeded(async (random) => {
      const dir = newLogDir();
      const image = buildLog({ events: CUT_SEGMENTS * SEGMENT_EVENTS });
      for (let n = count({ gate: 20, full: 200 }); n > 0; n--) {
        writeImage(dir, image);
        // One window to replay from, one that is read ahead: what comes later is not read yet.
        const recovery = await RecoveryManager.open({ dir, readAhead: 1 });
        let last = 0;
        const victim = random.below(CUT_SEGMENTS);
        const at = random.below(SEGMENT_EVENTS);
        let error: unknown;
        try {
          for (let read = 0; recovery.next(); read++) {
            expect(recovery.event.eventId).toBe(last + 1);
            last++;
            if (read === at) {
              const bytes = random.below((image.get(segmentFileName(victim)) as Uint8Array).length);
              fs.truncateSync(join(dir, segmentFileName(victim)), bytes);
            }
          }
        } catch (caught) {
          error = caught;
        } finally {
          await recovery.close();
        }
        // Read before it was cut, or missed: nothing between.
        if (error === undefined) {
          expect(last).toBe(CUT_SEGMENTS * SEGMENT_EVENTS);
          expect(victim).toBeLessThan(CUT_SEGMENTS - 1);
          continue;
        }
        expect(error).toBeInstanceOf(WalError);
        expect(error).toMatchObject({ code: 'DURABLE_LOST', file: join(dir, segmentFileName(victim)) });
        expect(last).toBeGreaterThanOrEqual(victim * SEGMENT_EVENTS);
        expect(last).toBeLessThan((victim + 1) * SEGMENT_EVENTS + BLOCK_EVENTS);
      }
    }),
);
