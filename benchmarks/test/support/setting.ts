import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** The command, as it is built. */
export const MAIN = join(FOLDER, 'dist/main.js');

/** `npm test` sets up everything but the benchmarks, whose packages take a minute to compile. */
export const installed = existsSync(join(FOLDER, 'node_modules/lmdb'));

/** For the names of suites that are skipped, as a reader of the summary sees them. */
export const WHERE_INSTALLED = installed
  ? ''
  : " (SKIPPED: `npm run bench` installs the benchmarks' packages)";
