import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { expect, test } from 'vitest';

const README = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const DIST = new URL('../dist/index.js', import.meta.url).href;

test('the example in the README does what its comments say', () => {
  const example = /```js\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
  const code = example.replace("'@fswal/format'", `'${DIST}'`);
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  const promised = [...example.matchAll(/console\.log.*\/\/ (.*)$/gm)].map((match) => match[1]);
  expect(promised.length).toBe(2);
  expect(output.trim().split('\n')).toEqual(promised);
});

test('every name in its table is exported', async () => {
  const [index, files] = await Promise.all([import('../src/index.js'), import('../src/files/index.js')]);
  const exported = new Set([...Object.keys(index), ...Object.keys(files)]);
  const table = README.slice(README.indexOf('## API'), README.indexOf('## Limits'));
  const names = [...table.matchAll(/`([A-Za-z_]+)(?:\([^`]*\))?`/g)].map((match) => match[1]);
  const spoken = new Set(['keep', 'tail', 'refuse', 'RangeError']);
  for (const name of names.filter((name) => !spoken.has(name))) expect(exported, name).toContain(name);
  expect(names.length).toBeGreaterThan(25);
});
