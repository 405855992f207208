// @ts-check

// Brings the working tree from a bare clone to installed and built, doing only what is missing or stale.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitStatus, onStopSignal, runHidden } from './child.js';
import { takeLock } from './lock.js';
import { Progress } from './progress.js';
import {
  buildDigests,
  forgetBuild,
  forgetInstall,
  installDigest,
  isBuilt,
  isInstalled,
  STATE_FOLDER,
  stampBuild,
  stampInstall,
  wasInstalled,
} from './stamps.js';
import { BENCHMARKS, ROOT } from './workspace.js';

/** @typedef {import('./stamps.js').Scope} Scope */

/**
 * What the steps of one set-up have in common.
 * @typedef {{ stoppedBy: NodeJS.Signals | null }} Steps
 */

/** Set-up did not succeed; the message is for the user and says what to do. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} status exit status
   */
  constructor(message, status) {
    super(message);
    this.name = 'SetupError';
    this.status = status;
  }
}

/**
 * Installs and builds what a scope needs. Quiet, and a matter of milliseconds, where everything is up to date.
 * @param {Scope} scope
 * @throws {SetupError}
 */
export async function setUp(scope) {
  if (isInstalled(ROOT, scope) && isBuilt(ROOT, scope)) return;
  const release = await takeLock(join(ROOT, STATE_FOLDER, 'lock'), (holder) =>
    console.error(
      `setup: waiting for another run that sets this folder up (process ${holder.split(' ')[0]}) ...`,
    ),
  );
  /** @type {Steps} */
  const steps = { stoppedBy: null };
  const stopListening = onStopSignal((signal) => {
    steps.stoppedBy = signal;
  });
  try {
    // Both again: the run that had the lock may have done it all.
    if (!isInstalled(ROOT, scope)) await install(scope, steps);
    if (!isBuilt(ROOT, scope)) await build(scope, steps);
    throwIfStopped(steps);
  } finally {
    stopListening();
    release();
  }
}

/**
 * @param {Scope} scope
 * @param {Steps} steps
 */
async function install(scope, steps) {
  const label = wasInstalled(ROOT) ? 'installing packages' : 'installing packages (first run)';
  const digest = installDigest(ROOT); // of now: what changes while pnpm works is the next run's affair
  forgetInstall(ROOT);
  const frozen = ['install', '--frozen-lockfile'];
  if (scope === 'all') {
    await pnpm(steps, `${label}, the benchmarks' included`, frozen);
    // An install does not make up for the builds that an earlier one, for the types alone, left out.
    if (!nothingPending())
      await pnpm(steps, 'compiling what the benchmarks compare with', ['rebuild', '--pending']);
  } else {
    await pnpm(steps, label, [...frozen, '--filter', `!${BENCHMARKS.name}`]);
    if (scope === 'sources') {
      await pnpm(steps, "installing the benchmarks' packages, for their types", [
        ...frozen,
        '--ignore-scripts',
        '--filter',
        BENCHMARKS.name,
      ]);
    }
  }
  stampInstall(ROOT, scope, digest);
}

/** Whether pnpm has noted that every package that wants to be compiled is; false if that cannot be told. */
function nothingPending() {
  const file = join(ROOT, 'node_modules/.modules.yaml');
  return existsSync(file) && /"pendingBuilds": *\[\s*\]/.test(readFileSync(file, 'utf8'));
}

/**
 * @param {Scope} scope
 * @param {Steps} steps
 */
async function build(scope, steps) {
  const digests = buildDigests(ROOT);
  forgetBuild(ROOT);
  const filter = scope === 'all' ? [] : [`--filter=!${BENCHMARKS.name}`];
  // Through pnpm, because turbo calls pnpm by name.
  await pnpm(steps, 'building', [
    'exec',
    'turbo',
    'run',
    'build',
    '--output-logs=errors-only',
    '--no-update-notifier',
    ...filter,
  ]);
  stampBuild(ROOT, scope, digests);
}

/**
 * Runs pnpm, in the version that package.json names, without installing it anywhere.
 * @param {Steps} steps
 * @param {string} label
 * @param {string[]} args
 */
async function pnpm(steps, label, args) {
  throwIfStopped(steps);
  const version = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).packageManager;
  const progress = new Progress(label);
  const command = ['--yes', '--prefer-offline', version, ...args];
  let ended;
  try {
    ended = await runHidden('npx', command, {
      cwd: ROOT,
      env: toolEnvironment(),
      onLine: (line) => {
        const counts = /^Progress: (.*)$/.exec(line)?.[1];
        if (counts !== undefined) progress.detail = counts;
      },
    });
  } catch (error) {
    progress.end('failed');
    throw new SetupError(
      `setup: npx could not be started: is npm installed beside Node? (${String(error)})`,
      1,
    );
  }
  if (steps.stoppedBy !== null) progress.end('interrupted');
  throwIfStopped(steps);
  if (ended.status !== 0) {
    progress.end(ended.signal === null ? 'failed' : `ended by ${ended.signal}`);
    const shown = ended.output.trimEnd();
    throw new SetupError(
      `${shown}\n\nsetup: failed: npx ${command.join(' ')}\nsetup: ${advice(shown, version)}`,
      1,
    );
  }
  progress.end();
}

/** @param {Steps} steps */
function throwIfStopped({ stoppedBy }) {
  if (stoppedBy === null) return;
  throw new SetupError(
    'setup: stopped before it was complete; the next run goes on',
    exitStatus(null, stoppedBy),
  );
}

/**
 * What to do about a failure, judged by what the tools wrote.
 * @param {string} output
 * @param {string} version
 */
function advice(output, version) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|FETCH_FAIL|ERR_SOCKET|dns error|error sending request/i.test(
      output,
    )
  ) {
    return `the npm registry was not reachable, and without it neither ${version} nor the packages can be fetched; check the network, the proxy and \`npm config get registry\`, then run the same command again`;
  }
  if (/OUTDATED_LOCKFILE/.test(output)) {
    return `pnpm-lock.yaml does not fit the package.json files; \`npx ${version} install\` brings it up to date`;
  }
  if (/UNEXPECTED_STORE|MODULES_DIR|ENOSPC|EACCES|ENOTEMPTY/.test(output)) {
    return 'if the text above does not help, delete node_modules here and in the packages, then run the same command again';
  }
  if (/error TS\d+/.test(output)) return 'the sources do not compile; see the errors above';
  return 'see the output above';
}

/** The environment of the tools: they do not phone home, do not ask, and say why they fail. */
function toolEnvironment() {
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    CI: 'true',
    DO_NOT_TRACK: '1',
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    NO_UPDATE_NOTIFIER: '1',
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    // `npm --silent` hands its silence down, and an error without a text helps nobody.
    npm_config_loglevel: 'error',
  };
  const nodeDirectory = dirname(dirname(process.execPath));
  // Where Node came with its headers, native modules are compiled against them instead of a download.
  if (hasOwnHeaders(nodeDirectory)) env.npm_config_nodedir = nodeDirectory;
  return env;
}

/** @param {string} nodeDirectory */
function hasOwnHeaders(nodeDirectory) {
  const file = join(nodeDirectory, 'include/node/node_version.h');
  if (!existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return version.join('.') === process.versions.node;
}
