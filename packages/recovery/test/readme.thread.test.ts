import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildLog, full, writeMeta } from './helpers/log-builder.js';

it('the example of the README works', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1];
  const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: [40], tail: 8 }] });
  writeMeta(log, 0);
  // In the package's folder, its own name resolves to it.
  const args = ['--input-type=module', '-e', example, log.dir];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  const sum = log.ids.reduce((total, id) => total + id * 7n, 0n);
  expect(stdout).toBe(`560 events, 1 to 560, nothing cut\nquantity ${sum}\n`);
});
