// How tests run, for `vitest run` at the root (all packages at once) and inside one package's folder alike.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProjectInlineConfiguration, ViteUserConfig } from 'vitest/config';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

/** Crash and thread tests need a core each to be worth anything: two files at a time, even on more cores. */
const MAX_WORKERS = 2;

/** Generous, because a machine that runs the tests is often busy. Hangs are found by it, slowness is not. */
const TIMEOUT_MS = 60_000;

/** The same for what a test waits for with `expect.poll`: below it, so that the test says what it was waiting for. */
const POLL_TIMEOUT_MS = 50_000;

/** Many tests do millions of things; only above this a test is marked as slow. */
const SLOW_MS = 10_000;

/** The package whose tests run on each mmap provider: all of them on libc, on mmap-io those for which it matters. */
const ON_BOTH_PROVIDERS = 'packages/recorder';
const ON_MMAP_IO = ['appender', 'engine-thread', 'folder', 'recorder.crash'];

/**
 * Packages whose test files each have a process of their own, which takes a third of a second a file: where tests look at a
 * whole process, or helpers clean up after each file.
 */
const ISOLATED = ['apps/cli', 'packages/recorder', 'packages/recovery', 'reliability'];

/** What every project has in common. */
const COMMON: TestProjectInlineConfiguration['test'] = {
  environment: 'node',
  pool: 'forks',
  testTimeout: TIMEOUT_MS,
  hookTimeout: TIMEOUT_MS,
  expect: { poll: { timeout: POLL_TIMEOUT_MS } },
  include: ['test/**/*.test.ts'],
};

/**
 * The test projects of a workspace package: one, or one per mmap provider.
 *
 * @param folder relative to the root, such as `packages/ring`
 */
export function projectsOf(folder: string): TestProjectInlineConfiguration[] {
  const name = folder.slice(folder.indexOf('/') + 1);
  const root = join(ROOT, folder);
  const isolate = ISOLATED.includes(folder);
  if (folder !== ON_BOTH_PROVIDERS) return [{ test: { ...COMMON, name, root, isolate } }];
  return [
    onProvider('libc', { name, root }),
    onMmapIo(
      onProvider('mmap-io', { name, root, include: ON_MMAP_IO.map((file) => `test/${file}.test.ts`) }),
    ),
  ];
}

function onProvider(
  provider: string,
  { name, ...test }: { name: string; root: string; include?: string[] },
): TestProjectInlineConfiguration {
  return { test: { ...COMMON, ...test, name: `${name} (${provider})`, env: { FSWAL_MMAP: provider } } };
}

/** The whole configuration of a `vitest run` over some packages. */
export function testsOf(folders: readonly string[]): ViteUserConfig {
  return {
    test: {
      globalSetup: [join(ROOT, 'vitest.setup.ts')],
      maxWorkers: MAX_WORKERS,
      slowTestThreshold: SLOW_MS,
      projects: folders.flatMap(projectsOf),
    },
  };
}

/**
 * mmap-io is an optional dependency: where it is not installed, one skipped test stands for the project, so
 * that the summary shows it. In CI that is an error, if it could have been compiled there.
 */
function onMmapIo(project: TestProjectInlineConfiguration): TestProjectInlineConfiguration {
  if (mmapIoLoads()) return project;
  if (process.env.CI && onPath('make') && (onPath('c++') || onPath('g++') || onPath('clang++'))) {
    throw new Error(
      'mmap-io is not installed although there is a compiler, so the recorder would go untested on it. ' +
        'Delete node_modules and install again to see why it does not compile.',
    );
  }
  console.warn('mmap-io is not installed: the recorder is tested on libc alone\n');
  const root = join(ROOT, 'scripts/test');
  return { test: { ...project.test, root, include: ['mmap-io-missing.ts'] } };
}

/** Whether the optional dependency of @fswal/mmap is there and fits this Node. */
function mmapIoLoads(): boolean {
  const mmapRequire = createRequire(join(ROOT, 'packages/mmap/package.json'));
  try {
    mmapRequire('mmap-io');
    return true;
  } catch {
    return false;
  }
}

function onPath(program: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}
