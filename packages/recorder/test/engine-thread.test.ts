/* What appending costs the engine's thread: no system call, no garbage. */
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { newDir, newLogDir } from './helpers/directories.js';

const run = promisify(execFile);
const WINDOWS = 5;

function child(name: string): string {
  return fileURLToPath(new URL(`children/${name}`, import.meta.url));
}

const noStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0;

describe.skipIf(noStrace)(
  noStrace ? 'system calls (strace is missing or not allowed)' : 'system calls',
  () => {
    test('append, claim and commit make none', async () => {
      const trace = join(newDir(), 'trace');
      const command = [process.execPath, child('append-between-marks.js'), newLogDir(), String(WINDOWS)];
      const { stdout } = await run('strace', ['-f', '-qq', '-e', 'signal=none', '-o', trace, ...command]);
      expect(Number(stdout)).toBe((30 + WINDOWS) * 20_000);
      // The engine's thread is the first one, whose id is the process's.
      const lines = fs.readFileSync(trace, 'utf8').split('\n');
      const engine = lines[0].split(' ')[0];
      const calls = lines
        .filter((line) => line.startsWith(`${engine} `))
        .map((line) => line.slice(engine.length).trim());
      const between: string[][] = [];
      for (let window = 0; window < WINDOWS; window++) {
        const begin = calls.findLastIndex((call) => call.includes(`/begin-${window}"`));
        const end = calls.findIndex((call) => call.includes(`/end-${window}"`));
        expect(begin).toBeGreaterThan(0);
        expect(end).toBeGreaterThan(begin);
        // A line that goes on with the first mark itself is not another call.
        between.push(calls.slice(begin + 1, end).filter((call) => !call.startsWith('<... ')));
      }
      expect(between).toEqual(new Array(WINDOWS).fill([]));
    });
  },
);

test('2 million appends after warming up collect no garbage', async () => {
  const { stdout } = await run(process.execPath, [
    '--expose-gc',
    child('append-without-garbage.js'),
    newLogDir(),
  ]);
  expect(JSON.parse(stdout)).toEqual({ during: 0, id: 4_000_000 });
});
