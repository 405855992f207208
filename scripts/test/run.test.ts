import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('../run.js', import.meta.url));

function run(...args: string[]) {
  return spawnSync(process.execPath, args, { cwd: tmpdir(), encoding: 'utf8' });
}

test('refuses a Node that is too old, in one line', () => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '20.18.1' } });`;
  const { status, stdout, stderr } = run('--import', `data:text/javascript,${pretend}`, RUN, 'test');
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^fswal needs Node 20\.19 or newer; this is Node 20\.18\.1 \(.*\)\n$/);
});

test.for([[], ['tset'], ['constructor']])('explains itself when it is asked for %j', (args) => {
  const { status, stdout, stderr } = run(RUN, ...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^usage: .*\n {2}start .*\n {2}test /);
});
