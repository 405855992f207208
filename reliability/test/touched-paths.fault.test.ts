/* Z5: every path that a recording process changes, from its start to its end. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runScenario } from '../src/faults/scenario.js';
import { manyLives } from '../src/faults/scenarios.js';
import { readTouches, straceAll, type Touch } from '../src/faults/touched-paths.js';
import { needs } from '../src/harness/needs.js';

/** What Node itself writes to: pipes, its event loop, the standard streams. */
const NO_FILE = /^(pipe|socket|anon_inode):|^\/dev\/(null|pts\/\d+|tty)$/;

/** Opens, appends, rotates, syncs, compresses, retires, closes, and opens again. @returns what it changed */
async function touchesOf(folder: string): Promise<{ dir: string; touches: Touch[] }> {
  const dir = join(folder, 'log');
  const trace = join(folder, 'trace');
  const scenario = manyLives(dir, { maxSegments: 2, maxCompressedSegments: 1 });
  const steps = [...scenario.steps, ['reopen']] as const;
  const run = await runScenario({ ...scenario, steps, prefix: straceAll(trace) });
  expect([run.exitCode, run.signal, run.stderr]).toEqual([0, null, '']);
  expect(run.outcomes.filter(({ code }) => code !== 'OK')).toEqual([]);
  return { dir, touches: readTouches(trace) };
}

test.skipIf(needs('linux', 'strace'))(
  'a recorder creates, writes, renames and removes nothing outside its directory, and no name without O_EXCL',
  async () => {
    const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'fswal-fault-')));
    try {
      const { dir, touches } = await touchesOf(folder);
      const isOfLog = (path: string): boolean => path === dir || path.startsWith(`${dir}/`);
      const ofLog = touches.filter(({ paths }) => paths.length > 0 && paths.every(isOfLog));
      // Without these the trace is not what it is taken for.
      for (const name of ['mkdir', 'openat', 'pwrite64', 'fallocate', 'rename', 'unlink', 'fchmod']) {
        expect(ofLog.map((touch) => touch.name)).toContain(name);
      }
      expect(ofLog.some(({ text }) => text.includes('.lz4'))).toBe(true);
      // The test's own file, in which the process says how far it has come.
      const isHarness = (path: string): boolean => /\/fswal-fault-\w+\/published$/.test(path);
      expect(touches.some(({ paths }) => paths.some(isHarness))).toBe(true);
      const outside = touches.filter(({ paths }) =>
        paths.some((path) => path !== '' && !isOfLog(path) && !NO_FILE.test(path) && !isHarness(path)),
      );
      expect(outside.map(({ text }) => text.slice(0, 300))).toEqual([]);
      const created = ofLog.filter(({ flags }) => flags.includes('O_CREAT'));
      expect(created.length).toBeGreaterThan(10);
      expect(created.filter(({ flags }) => !flags.includes('O_EXCL')).map(({ text }) => text)).toEqual([]);
      const writable = ofLog.filter(({ name }) => name.startsWith('open'));
      expect(writable.filter(({ flags }) => !flags.includes('O_NOFOLLOW')).map(({ text }) => text)).toEqual(
        [],
      );
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },
);
