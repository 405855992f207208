import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the example of the README works', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', example], {
    cwd: root, // where the package's own name resolves to it
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toBe('1000 1000 500.5 1000\ntrue\n');
});
