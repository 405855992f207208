// @ts-check

// Where things are in the working tree, and digests over parts of it.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the working tree, whatever the current directory is. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

/** The package that is installed and built only where it is needed: its rivals take a minute to compile. */
export const BENCHMARKS = { folder: 'benchmarks', name: '@fswal/benchmarks' };

/**
 * The folders of all workspace packages, relative to the root, sorted.
 * @param {string} [root]
 */
export function packageFolders(root = ROOT) {
  const folders = [];
  for (const parent of ['apps', 'packages']) {
    if (!existsSync(join(root, parent))) continue;
    for (const name of readdirSync(join(root, parent))) folders.push(`${parent}/${name}`);
  }
  folders.push(BENCHMARKS.folder, 'reliability');
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).sort();
}

/**
 * All files below a folder (relative to it, sorted, with forward slashes); none if there is no such folder.
 * @param {string} folder
 * @returns {string[]}
 */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/**
 * A digest of names and contents; a file that is missing counts as such.
 * @param {string} root
 * @param {readonly string[]} paths relative to the root
 * @param {readonly string[]} [more] other things the digest stands for
 */
export function contentDigest(root, paths, more = []) {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const path of paths) {
    const file = join(root, path);
    const bytes = existsSync(file) ? readFileSync(file) : undefined;
    // With the length in front, moving bytes from one file to the next is a change too.
    hash.update(`\0${path}\0${bytes === undefined ? 'missing' : bytes.length}\0`);
    if (bytes !== undefined) hash.update(bytes);
  }
  return hash.digest('hex');
}

/**
 * A digest of names, sizes and modification times: enough to see that something else wrote there.
 * @param {string} root
 * @param {readonly string[]} folders relative to the root
 */
export function statDigest(root, folders) {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const path of filesBelow(join(root, folder))) {
      const { size, mtimeMs } = statSync(join(root, folder, path));
      hash.update(`\0${folder}/${path}\0${size}\0${mtimeMs}`);
    }
  }
  return hash.digest('hex');
}
