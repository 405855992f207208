import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** Each with what it prints. */
const EXAMPLES = [...README.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(
  ([, code, printed]) => [code!, printed!] as const,
);

test('every example says what it prints', () => {
  expect(EXAMPLES.length).toBe(README.split('```js\n').length - 1);
});

test.each(EXAMPLES)('example %# of the README prints that', (code, printed) => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT, // where the package's own name resolves to it
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout.trimEnd()).toBe(printed.trimEnd());
});
