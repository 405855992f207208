// @ts-check

// Makes the JavaScript of a workspace package, dist/*.js, from its sources; tsc makes the types. A thread pays for every file
// that it loads, so a package is few files: its entries, and what several of them share. Other packages are imported by
// name, never taken in: a worker must not have a copy of its own of what the main thread uses.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { filesBelow, packageFolders, ROOT } from './workspace.js';

/** How package.json, in `exports` or `imports`, names an entry: its path in dist/, without the suffix. */
const ENTRY = /"\.\/dist\/([^"]+)\.js"/g;

/** What is imported by name: other packages, Node's own modules, `#` entries. */
const NAMED = /^[^./]/;

/** Entries for a browser: one script each, with all that it needs. */
const PAGE = /^page\//;

/** What we write into dist/; the rest is tsc's. */
const OURS = /\.js(\.map)?$/;

/**
 * Brings dist/ of every package up to date, the benchmarks' included: for that nothing of theirs is installed.
 * @param {string} [root]
 */
export async function bundleAll(root = ROOT) {
  await Promise.all(packageFolders(root).map((folder) => bundle(join(root, folder))));
}

/**
 * Brings dist/ of one package up to date. What is up to date is not touched, so doing it once more is always right, beside
 * others who do the same too.
 * @param {string} folder absolute
 * @throws {Error} where an entry that package.json names has no source, and whatever rolldown warns of
 */
export async function bundle(folder) {
  const { exports = {}, imports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const names = [...JSON.stringify([exports, imports]).matchAll(ENTRY)].map(([, name]) => name);
  if (names.length === 0) return;
  const pages = names.filter((name) => PAGE.test(name));
  const modules = names.filter((name) => !PAGE.test(name));
  const outputs = await Promise.all([
    generate(folder, modules, { external: NAMED, platform: 'node' }, { chunkFileNames: '[name]-[hash].js' }),
    ...pages.map((page) => generate(folder, [page], { platform: 'browser' }, { format: 'iife' })),
  ]);
  const output = outputs.flat();
  const dist = join(folder, 'dist');
  // The entries last: they name the shared files, whose names change with their content.
  const entriesLast = output.toSorted((a, b) => Number(isEntry(a)) - Number(isEntry(b)));
  for (const file of entriesLast) {
    replace(join(dist, file.fileName), file.type === 'chunk' ? file.code : file.source);
  }
  const current = new Set(output.map(({ fileName }) => fileName));
  for (const path of filesBelow(dist)) {
    if (OURS.test(path) && !current.has(path)) rmSync(join(dist, path), { force: true });
  }
}

/**
 * @param {string} folder
 * @param {string[]} names of the entries
 * @param {import('rolldown').InputOptions} inputOptions
 * @param {import('rolldown').OutputOptions} outputOptions
 */
async function generate(folder, names, inputOptions, outputOptions) {
  const build = await rolldown({
    ...inputOptions,
    cwd: folder,
    input: Object.fromEntries(names.map((name) => [name, `./src/${name}.ts`])),
    tsconfig: join(folder, 'tsconfig.json'),
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`${folder}: ${log.message}`);
    },
  });
  const { output } = await build.generate({ ...outputOptions, sourcemap: true });
  await build.close();
  return output;
}

/** @param {import('rolldown').OutputChunk | import('rolldown').OutputAsset} file */
function isEntry(file) {
  return file.type === 'chunk' && file.isEntry;
}

/**
 * Whoever loads the file meanwhile sees the old one or the new one.
 * @param {string} file
 * @param {string | Uint8Array} content
 */
function replace(file, content) {
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(content))) return;
  mkdirSync(dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}.new`;
  writeFileSync(aside, content);
  renameSync(aside, file);
}

// node scripts/bundle.js [FOLDER]        default: all packages
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  await (folder === undefined ? bundleAll() : bundle(resolve(folder)));
}
