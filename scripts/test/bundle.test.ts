import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundle, bundleAll } from '../bundle.js';
import { statDigest } from '../workspace.js';

let folder: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const built = () =>
  readdirSync(join(folder, 'dist'))
    .filter((name) => name.endsWith('.js'))
    .sort();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fswal bundle '));
  write(
    'package.json',
    JSON.stringify({
      type: 'module',
      exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
      imports: { '#worker': './dist/worker.js' },
    }),
  );
  write('tsconfig.json', '{}');
  write('src/index.ts', `export { one } from './deep/one.js';\nexport { basename } from 'node:path';`);
  write(
    'src/worker.ts',
    `import { one } from './deep/one.js';\nimport * as other from 'other';\nconsole.log(one, other);`,
  );
  write('src/deep/one.ts', 'export const one: { n: number } = { n: 1 };');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('makes the entries that package.json names, and one file of what they share', async () => {
  await bundle(folder);
  expect(built()).toEqual(['index.js', expect.stringMatching(/^one-.+\.js$/), 'worker.js']);
  expect(await import(pathToFileURL(join(folder, 'dist/index.js')).href)).toMatchObject({ one: { n: 1 } });
});

test('takes in no other package, and names the sources', async () => {
  await bundle(folder);
  expect(read('dist/worker.js')).toMatch(/from ["']other["']/);
  expect(JSON.parse(read('dist/worker.js.map')).sources).toEqual(['../src/worker.ts']);
});

test('touches nothing that is up to date', async () => {
  await bundle(folder);
  const before = statDigest(folder, ['dist']);
  await bundle(folder);
  expect(statDigest(folder, ['dist'])).toBe(before);
});

test('replaces what is stale or was spoiled, and removes JavaScript that it does not make any more', async () => {
  await bundle(folder);
  write('dist/worker.js', '// by hand');
  write('dist/deep/one.js', '// of another layout');
  write('dist/index.d.ts', '// made by tsc');
  write('src/deep/one.ts', 'export const one = { n: 2 };');
  await bundle(folder);
  expect(read('dist/worker.js')).toContain('console.log');
  expect(existsSync(join(folder, 'dist/deep/one.js'))).toBe(false);
  expect(read('dist/index.d.ts')).toBe('// made by tsc');
  const shared = built().filter((name) => name.startsWith('one-'));
  expect(shared).toHaveLength(1);
  expect(read(`dist/${shared[0]}`)).toContain('n: 2');
});

test('fails where an entry or an import has no source', async () => {
  rmSync(join(folder, 'src/worker.ts'));
  await expect(bundle(folder)).rejects.toThrow('worker.ts');
  write('src/worker.ts', `import './gone.js';`);
  await expect(bundle(folder)).rejects.toThrow('gone.js');
});

test('leaves packages alone that have no entries', async () => {
  write('packages/tests-only/package.json', '{ "exports": { "./package.json": "./package.json" } }');
  write('packages/tests-only/src/index.ts', 'export {};');
  await bundleAll(folder);
  expect(existsSync(join(folder, 'packages/tests-only/dist'))).toBe(false);
});
