/* L2: power cuts of an ext4 to whose device the kernel has brought some of the dirty pages, and not others. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LoopMount, type Mount, mountTmpfs, withMounts } from '../src/faults/mounts.js';
import type { Step } from '../src/faults/scenario.js';
import { SMALL } from '../src/faults/scenarios.js';
import { stopAtEachCall } from '../src/faults/stop-at-calls.js';
import { StopJudge } from '../src/faults/stop-judge.js';
import { writeBack } from '../src/faults/system-calls.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';
import { type Random, seeded } from '../src/harness/seeded.js';

const TIMEOUT_MS = patience(180_000);
const IMAGE_BYTES = 12 << 20;
const BACKING_BYTES = 64 << 20;
const PAGE_BYTES = 4096;
const CUTS = count({ gate: 50, full: 10_000 });
/** After so many the log begins anew: the disk is small. */
const CUTS_PER_LOG = 50;
const MOST_BETWEEN = 400;

/** Any pages of the segments, each with some likelihood. */
function writeSomeBack(dir: string, random: Random): void {
  const likely = random.pick([0, 10, 50, 90]);
  for (const name of fs.readdirSync(dir).filter((entry) => entry.startsWith('FS.'))) {
    const fd = fs.openSync(join(dir, name), 'r');
    try {
      for (let at = 0; at < fs.fstatSync(fd).size; at += PAGE_BYTES)
        if (random.below(100) < likely) writeBack(fd, at, PAGE_BYTES);
    } finally {
      fs.closeSync(fd);
    }
  }
}

test.skipIf(needs('root', 'linux', 'strace', 'mount', 'loop devices and mkfs.ext4')).each([
  ['new', {}],
  ['recycled', { maxSegments: 1, maxCompressedSegments: 0 }],
] as const)(
  'with any pages of %s files written back, nothing durable is lost with the power',
  { timeout: TIMEOUT_MS },
  (_, options) =>
    seeded(async (random) => {
      for (let left = CUTS / 2; left > 0; left -= CUTS_PER_LOG) {
        const cuts = Math.min(left, CUTS_PER_LOG);
        const turns = Array.from({ length: cuts }, (): Step[] => [
          ['append', random.between(1, MOST_BETWEEN)],
          random.below(3) === 0 ? ['sync'] : ['sleep', 1],
          ['stop'],
        ]);
        await withMounts([() => mountTmpfs(BACKING_BYTES)], ([memory]) => {
          const make = (name: string) => () => {
            const imageDir = join((memory as Mount).dir, name);
            fs.mkdirSync(imageDir);
            return LoopMount.create({ bytes: IMAGE_BYTES, imageDir });
          };
          return withMounts([make('disk'), make('spare')], async ([disk, spare]) => {
            const scope = {
              atMost: cuts * MOST_BETWEEN,
              retained: true,
              sample: 25,
            };
            const judge = new StopJudge(disk as LoopMount, spare as LoopMount, memory as Mount, scope);
            const dir = join((disk as LoopMount).dir, 'log');
            const steps: Step[] = [['open'], ...turns.flat(), ['close']];
            const scenario = { dir, options: { ...SMALL, ...options }, steps };
            // It stops by itself; nobody makes this call.
            const stops = { threads: ['main'], calls: ['linkat'] } as const;
            const run = await stopAtEachCall(scenario, stops, async (stop) => {
              writeSomeBack(dir, random);
              await judge.judge(stop, random.pick([1, 2]));
            });
            expect(judge.faults.join('\n')).toBe('');
            expect([run.hung, run.exitCode, run.stderr]).toEqual([false, 0, '']);
            expect(judge.stops).toBe(cuts);
          });
        });
      }
    }),
);
