import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** The command, as it is built. */
export const MAIN = join(FOLDER, 'dist/main.js');

/** `npm test` sets up everything but the benchmarks, whose packages take a minute to compile. */
export const installed = existsSync(join(FOLDER, 'node_modules/lmdb'));

/** Whether the command is what the sources say: `npm run bench` builds it, `npm test` does not. */
export const built = installed && isBuilt();

/** For the names of suites that are skipped, as a reader of the summary sees them. */
export const WHERE_INSTALLED = installed
  ? ''
  : " (SKIPPED: `npm run bench` installs the benchmarks' packages)";
export const WHERE_BUILT = built ? '' : ' (SKIPPED: `npm run bench` builds the command)';

function isBuilt(): boolean {
  const stamp = join(FOLDER, 'dist/.tsbuildinfo');
  if (!existsSync(MAIN) || !existsSync(stamp)) return false;
  const builtMs = statSync(stamp).mtimeMs;
  return readdirSync(join(FOLDER, 'src')).every(
    (name) => statSync(join(FOLDER, 'src', name)).mtimeMs <= builtMs,
  );
}
