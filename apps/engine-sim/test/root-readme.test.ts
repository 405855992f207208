import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const ROOT_README = fileURLToPath(new URL('../../../README.md', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));
const MOST_LINES = 15;

const example = /```js\n(.*?)```/s.exec(readFileSync(ROOT_README, 'utf8'))![1];

let dir: string;
beforeEach(() => {
  // A project of somebody who has installed the packages that this one depends on.
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  symlinkSync(NODE_MODULES, join(dir, 'node_modules'));
  writeFileSync(join(dir, 'example.mjs'), example);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function runExample(): string[] {
  const options = { cwd: dir, encoding: 'utf8', timeout: 25_000, killSignal: 'SIGKILL' } as const;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['example.mjs'], options);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.trimEnd().split('\n');
}

it('the example of the README at the root runs, and goes on with its log when it runs again', () => {
  expect(runExample()).toEqual(['1 10050', '2 10050', '3 10050']);
  expect(runExample()).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id} 10050`));
});

it(`the example of the README at the root has at most ${MOST_LINES} lines`, () => {
  expect(example.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(MOST_LINES);
});
