import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { DEFAULT_PROFILE, readFlowProfile } from '../src/flow/flow-profile.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

it('the example in the README runs', () => {
  const example = /```js\n(.*?)```/s.exec(readFileSync(`${ROOT}README.md`, 'utf8'))![1];
  // Evaluated in the package's directory, so that its name leads to its own build.
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', example], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\d+ trades, \d+ orders rest, \d+ to \d+\n[0-9a-f]{16}\n$/);
});

it('the profile in the README is the default one', () => {
  const profile = /```json\n(.*?)```/s.exec(readFileSync(`${ROOT}README.md`, 'utf8'))![1];
  expect(readFlowProfile(JSON.parse(profile))).toEqual(DEFAULT_PROFILE);
  expect(JSON.parse(profile)).toEqual(DEFAULT_PROFILE);
});
