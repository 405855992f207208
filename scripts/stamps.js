// @ts-check

// The stamps: small files that say for what state of the tree the last install and the last build were done.
// A stamp is removed before its work begins and written after it ended well, so an interrupted
// install or build leaves none. They live in node_modules: who deletes that, deletes them.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BENCHMARKS, contentDigest, filesBelow, packageFolders, statDigest } from './workspace.js';

/**
 * How much is set up, each including the one before:
 * - `core`: everything but the benchmarks;
 * - `sources`: the benchmarks' packages are there too, for their types, but not compiled;
 * - `all`: compiled and built as well.
 * @typedef {'core' | 'sources' | 'all'} Scope
 */

/** @type {readonly Scope[]} */
const SCOPES = ['core', 'sources', 'all'];

/**
 * The build without the benchmarks, or with them.
 * @typedef {'core' | 'all'} Build
 */

/** @type {readonly Build[]} */
const BUILDS = ['core', 'all'];

/** @type {(scope: Scope) => Build} */
const buildOf = (scope) => (scope === 'all' ? 'all' : 'core');

/** The folder of the stamps and of the lock, relative to the root. */
export const STATE_FOLDER = 'node_modules/.fswal';

const MANIFEST_DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies'];

/**
 * What an install depends on.
 * @param {string} root
 */
export function installDigest(root) {
  const manifests = ['.', ...packageFolders(root)].map((folder) => `${folder}/package.json`);
  const node = `${process.versions.modules} ${process.platform} ${process.arch}`;
  return contentDigest(root, ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc', ...manifests], [node]);
}

/**
 * What the two builds depend on: the one without the benchmarks, and the one with them.
 * @param {string} root
 */
export function buildDigests(root) {
  const install = installDigest(root);
  return { core: buildDigest(root, 'core', install), all: buildDigest(root, 'all', install) };
}

/**
 * @param {string} root
 * @param {Build} build
 * @param {string} install
 */
function buildDigest(root, build, install) {
  const inputs = ['turbo.json', 'tsconfig.base.json', 'scripts/bundle.js', 'scripts/workspace.js'];
  for (const folder of builtFolders(root, build)) {
    inputs.push(`${folder}/package.json`, `${folder}/tsconfig.json`);
    for (const path of filesBelow(join(root, folder, 'src'))) inputs.push(`${folder}/src/${path}`);
  }
  return contentDigest(root, inputs, [install]);
}

/**
 * What a build has written.
 * @param {string} root
 * @param {Build} build
 */
function outputDigest(root, build) {
  const outputs = builtFolders(root, build).map((folder) => `${folder}/dist`);
  return statDigest(root, outputs);
}

/**
 * @param {string} root
 * @param {Build} build
 */
function builtFolders(root, build) {
  return packageFolders(root).filter((folder) => build === 'all' || folder !== BENCHMARKS.folder);
}

/**
 * Whether the packages of a scope are installed as the lockfile and the manifests say now.
 * @param {string} root
 * @param {Scope} scope
 */
export function isInstalled(root, scope) {
  const stamp = readStamp(root, 'install');
  if (stamp === undefined || stamp.digest !== installDigest(root)) return false;
  if (SCOPES.indexOf(/** @type {Scope} */ (stamp.scope)) < SCOPES.indexOf(scope)) return false;
  // The stamp does not notice that somebody deleted a package's own node_modules.
  return packageFolders(root).every((folder) => {
    if (scope === 'core' && folder === BENCHMARKS.folder) return true;
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const needsSome = MANIFEST_DEPENDENCIES.some((key) => Object.keys(manifest[key] ?? {}).length > 0);
    return !needsSome || existsSync(join(root, folder, 'node_modules'));
  });
}

/**
 * Whether there was an install before, however old.
 * @param {string} root
 */
export function wasInstalled(root) {
  return readStamp(root, 'install') !== undefined;
}

/**
 * Whether dist/ of everything in the scope is what the sources say now.
 * @param {string} root
 * @param {Scope} scope
 */
export function isBuilt(root, scope) {
  const build = buildOf(scope);
  const stamp = readStamp(root, `build-${build}`);
  if (stamp === undefined || stamp.outputs !== outputDigest(root, build)) return false;
  return stamp.inputs === buildDigest(root, build, installDigest(root));
}

/**
 * @param {string} root
 * @param {Scope} scope
 * @param {string} digest the installDigest of before the install
 */
export function stampInstall(root, scope, digest) {
  writeStamp(root, 'install', { scope, digest });
}

/**
 * @param {string} root
 * @param {Scope} scope
 * @param {Record<Build, string>} digests the buildDigests of before the build
 */
export function stampBuild(root, scope, digests) {
  for (const build of BUILDS) {
    if (build === 'all' && buildOf(scope) !== 'all') continue;
    writeStamp(root, `build-${build}`, { inputs: digests[build], outputs: outputDigest(root, build) });
  }
}

/**
 * Forgets an install, and with it what was built from it.
 * @param {string} root
 */
export function forgetInstall(root) {
  rmSync(stampFile(root, 'install'), { force: true });
  forgetBuild(root);
}

/** @param {string} root */
export function forgetBuild(root) {
  for (const build of BUILDS) rmSync(stampFile(root, `build-${build}`), { force: true });
}

/**
 * @param {string} root
 * @param {string} name
 */
function stampFile(root, name) {
  return join(root, STATE_FOLDER, `${name}.json`);
}

/**
 * @param {string} root
 * @param {string} name
 * @returns {Record<string, string> | undefined}
 */
function readStamp(root, name) {
  try {
    return JSON.parse(readFileSync(stampFile(root, name), 'utf8'));
  } catch {
    return undefined; // missing or half written: not set up
  }
}

/**
 * @param {string} root
 * @param {string} name
 * @param {Record<string, string>} stamp
 */
function writeStamp(root, name, stamp) {
  const file = stampFile(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(stamp));
  renameSync(`${file}.new`, file);
}
