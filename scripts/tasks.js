// @ts-check

// The jobs behind the root's npm scripts: for each, how much has to be set up first and what then runs.

import { runInForeground } from './child.js';
import { SetupError, setUp } from './setup.js';
import { ROOT } from './workspace.js';

/**
 * @typedef {object} Task
 * @property {string} help one line for the usage text
 * @property {import('./setup.js').Scope} scope what must be installed and built before
 * @property {(args: string[]) => string[][]} commands argument lists for `node`, run one after the other; all
 *   of them run even when one fails, so that one run reports everything there is to report
 * @property {Record<string, string>} [env] further environment variables of theirs
 */

const FAULTS = 'reliability/vitest.config.ts';

/**
 * Of the tests, which start thousands of processes: each Node that is told of further certificates reads them as it starts,
 * and nothing here uses a network.
 */
const TEST_ENV = { NODE_EXTRA_CA_CERTS: '' };

/** @type {Record<string, Task>} */
const TASKS = {
  start: {
    help: 'record, kill, recover, prove: the demonstration of engine-sim',
    scope: 'core',
    commands: (args) => [['apps/engine-sim/bin/engine-sim.js', 'demo', ...args]],
  },
  test: {
    help: "every package's tests; arguments go to vitest",
    scope: 'core',
    env: TEST_ENV,
    commands: (args) => [['node_modules/vitest/vitest.mjs', 'run', ...args]],
  },
  'test:faults': {
    help: 'the fault catalogue, shortened: kills, power cuts, refused system calls; arguments go to vitest',
    scope: 'core',
    env: TEST_ENV,
    commands: (args) => [['node_modules/vitest/vitest.mjs', 'run', '--config', FAULTS, ...args]],
  },
  'test:full': {
    help: 'the same at full length: hours',
    scope: 'core',
    env: { ...TEST_ENV, FSWAL_FULL: '1' },
    commands: (args) => [['node_modules/vitest/vitest.mjs', 'run', '--config', FAULTS, ...args]],
  },
  build: {
    help: 'install and build, nothing else',
    scope: 'core',
    commands: () => [],
  },
  lint: {
    help: 'format, lint and types, tests and scripts included; arguments go to biome',
    scope: 'sources',
    commands: (args) => [
      ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', ...args, '.'],
      ['node_modules/typescript/bin/tsc', '-b'],
    ],
  },
  bench: {
    help: 'the benchmarks; the first run compiles what they compare with',
    scope: 'all',
    commands: (args) => [['benchmarks/dist/main.js', ...args]],
  },
};

const EXIT_USAGE = 2;

/**
 * Sets up and runs one task. Writes nothing to stdout: that belongs to the task.
 * @param {string | undefined} name
 * @param {string[]} args passed on to the task's command
 * @returns {Promise<number>} the exit status: the first failing command's, 128 + n where signal n ended it
 */
export async function runTask(name, args) {
  const task = name !== undefined && Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) {
    const lines = Object.entries(TASKS).map(([key, { help }]) => `  ${key.padEnd(11)} ${help}`);
    console.error(`usage: node scripts/run.js TASK [argument ...]\n${lines.join('\n')}`);
    return EXIT_USAGE;
  }
  try {
    await setUp(task.scope);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return error.status;
  }
  let status = 0;
  for (const command of task.commands(args)) {
    const result = await runInForeground(process.execPath, command, ROOT, task.env);
    if (status === 0) status = result.status;
    // Somebody wants to stop, so the commands after this one are not wanted either.
    if (result.signal !== null) break;
  }
  return status;
}
