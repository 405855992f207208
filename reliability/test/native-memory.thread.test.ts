/* Threads that never end give back what native code has allocated for them. */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { newLogDir } from './helpers/directories.js';

const CHILD = fileURLToPath(new URL('../src/harness/children/compress-or-replay.js', import.meta.url));
const SEGMENTS = 80;
/** When it is collected is V8's choice, so there is always some; what all segments would come to is several times as much. */
const MAX_GROWTH = 100e6;

test('compressing segments, and replaying compressed ones, does not make a process grow with their number', () => {
  const dir = newLogDir(tmpdir());
  const run = (what: string) =>
    JSON.parse(
      execFileSync(process.execPath, [CHILD, JSON.stringify({ what, dir, segments: SEGMENTS })], {
        encoding: 'utf8',
      }),
    );
  const compressed = run('compress');
  expect(compressed.segments).toBeGreaterThan(SEGMENTS - 8);
  expect(compressed.grew).toBeLessThan(MAX_GROWTH);
  const replayed = run('replay');
  expect(replayed.segments).toBe(SEGMENTS);
  expect(replayed.grew).toBeLessThan(MAX_GROWTH);
});
