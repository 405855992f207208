import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { newDir } from './helpers.js';

test('the example of the README works', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  const dir = newDir();
  const { FSWAL_MMAP: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', example, dir], {
    cwd: root, // where the package's own name resolves to it
    encoding: 'utf8',
    env,
  });
  expect(stderr).toBe('');
  expect(stdout).toBe('libc: 42\n');
  expect(statSync(join(dir, 'counters')).size).toBe(4096);
  expect(readFileSync(join(dir, 'counters')).readInt32LE(0)).toBe(42);
});
