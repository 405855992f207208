import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  buildDigests,
  forgetInstall,
  installDigest,
  isBuilt,
  isInstalled,
  stampBuild,
  stampInstall,
} from '../stamps.js';
import { packageFolders } from '../workspace.js';

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fswal stamps '));
  write('package.json', '{}');
  write('pnpm-lock.yaml', 'lockfileVersion: 9');
  write('tsconfig.base.json', '{}');
  for (const folder of ['packages/a', 'apps/b', 'benchmarks']) {
    write(`${folder}/package.json`, '{ "dependencies": { "x": "1" } }');
    write(`${folder}/src/index.ts`, 'export const one = 1;');
    write(`${folder}/dist/index.js`, 'export const one = 1;');
    mkdirSync(join(root, folder, 'node_modules'));
  }
  stampInstall(root, 'all', installDigest(root));
  stampBuild(root, 'all', buildDigests(root));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test('knows the packages of the working tree', () => {
  mkdirSync(join(root, 'packages/not-a-package'));
  expect(packageFolders(root)).toEqual(['apps/b', 'benchmarks', 'packages/a']);
});

test('takes what was just stamped as up to date', () => {
  expect(isInstalled(root, 'all')).toBe(true);
  expect(isInstalled(root, 'core')).toBe(true);
  expect(isBuilt(root, 'all')).toBe(true);
  expect(isBuilt(root, 'core')).toBe(true);
});

test.for(['pnpm-lock.yaml', 'package.json', 'packages/a/package.json', 'pnpm-workspace.yaml', '.npmrc'])(
  'installs and builds again when %s changes',
  (path) => {
    appendFileSync(join(root, path), ' \n');
    expect(isInstalled(root, 'core')).toBe(false);
    expect(isBuilt(root, 'core')).toBe(false);
  },
);

test('installs again when the node_modules of a package is gone', () => {
  rmSync(join(root, 'packages/a/node_modules'), { recursive: true });
  expect(isInstalled(root, 'core')).toBe(false);
});

test('installs the benchmarks only for those who need them', () => {
  rmSync(join(root, 'benchmarks/node_modules'), { recursive: true });
  stampInstall(root, 'core', installDigest(root));
  expect(isInstalled(root, 'core')).toBe(true);
  expect(isInstalled(root, 'sources')).toBe(false);
  stampInstall(root, 'sources', installDigest(root));
  mkdirSync(join(root, 'benchmarks/node_modules'));
  expect(isInstalled(root, 'sources')).toBe(true);
  expect(isInstalled(root, 'all')).toBe(false);
});

test('forgets the build with the install', () => {
  forgetInstall(root);
  expect(isInstalled(root, 'core')).toBe(false);
  expect(isBuilt(root, 'core')).toBe(false);
});

test.for([
  'packages/a/src/index.ts',
  'apps/b/tsconfig.json',
  'tsconfig.base.json',
  'scripts/bundle.js',
  'packages/a/src/deep/new.ts',
])('builds again when %s changes', (path) => {
  write(path, '// changed');
  expect(isInstalled(root, 'core')).toBe(true);
  expect(isBuilt(root, 'core')).toBe(false);
});

test('builds again when a source changed during the build', () => {
  const before = buildDigests(root);
  write('packages/a/src/index.ts', 'export const two = 2;');
  write('packages/a/dist/index.js', 'export const one = 1;');
  stampBuild(root, 'core', before);
  expect(isBuilt(root, 'core')).toBe(false);
});

test('builds again when a source file is renamed', () => {
  renameSync(join(root, 'packages/a/src/index.ts'), join(root, 'packages/a/src/main.ts'));
  expect(isBuilt(root, 'core')).toBe(false);
});

test('does not build again when a source file is merely touched', () => {
  utimesSync(join(root, 'packages/a/src/index.ts'), new Date(0), new Date(0));
  expect(isBuilt(root, 'core')).toBe(true);
});

test('builds again when somebody else wrote to dist, or emptied it', () => {
  const file = join(root, 'packages/a/dist/index.js');
  utimesSync(file, new Date(0), new Date(0));
  expect(isBuilt(root, 'core')).toBe(false);
  stampBuild(root, 'core', buildDigests(root));
  expect(isBuilt(root, 'core')).toBe(true);
  rmSync(file);
  expect(isBuilt(root, 'core')).toBe(false);
});

test('does not build the rest again for a change in the benchmarks', () => {
  write('benchmarks/src/index.ts', '// changed');
  expect(isBuilt(root, 'core')).toBe(true);
  expect(isBuilt(root, 'all')).toBe(false);
});

test('takes a damaged stamp as none', () => {
  write('node_modules/.fswal/install.json', '{"scope":');
  expect(isInstalled(root, 'core')).toBe(false);
});
