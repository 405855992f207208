import { statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchGroup } from './bench-group.js';
import { benchReport } from './bench-report.js';
import { GROUPS } from './groups.js';
import { makePlace, makeTmpfsPlace, type Place } from './place.js';
import { formatGroup } from './print.js';
import { Progress } from './progress.js';

const TMPFS_DIR = '/dev/shm';
const REPORT = 'bench-report.html';
const names = Object.keys(GROUPS);
const USAGE = `usage: npm run bench -- [--json] [--quick] [--dir DIR] [--tmpfs DIR] [--plot FILE.svg]
                          [--report FILE.html | --no-report] [GROUP ...]

groups that run when none is named (under 3 minutes together):
${helpOf(names.filter((name) => !GROUPS[name].long))}
groups to be named, up to 2 minutes each; \`all\` is all of both kinds:
${helpOf(names.filter((name) => GROUPS[name].long))}
options:
  --dir DIR        where the logs are written; default: the system's temporary directory
  --tmpfs DIR      where tail and tail-ring write on tmpfs; default: ${TMPFS_DIR}
  --plot FILE.svg  tail: write the percentile plot there
  --report FILE    what was measured, as one HTML file; default: ${REPORT} in the current directory
  --no-report      without that
  --quick          the second kind of groups in seconds, to see that they run: the figures mean nothing
  --json           one JSON object on stdout instead of tables

Everything that is written is removed at the end, on Ctrl-C too.
`;

// Before anything runs: what is written is removed when the process exits, not when a signal kills it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
}

const { options, positionals } = readArguments();
if (options.help) {
  process.stdout.write(USAGE);
} else {
  const unknown = positionals.filter((name) => name !== 'all' && !names.includes(name));
  if (unknown.length > 0) usageError(`there is no group ${unknown.join(', ')}`);
  else if (options.plot !== undefined && !chosen().includes('tail'))
    usageError('--plot goes with the group tail');
  else if (missingFolder() !== undefined) usageError(`${missingFolder()} is not a directory`);
  else await run(chosen());
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        dir: { type: 'string' },
        tmpfs: { type: 'string' },
        plot: { type: 'string' },
        report: { type: 'string', default: REPORT },
        'no-report': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { options: values, positionals };
  } catch (error) {
    usageError(error instanceof Error ? error.message : String(error));
    return process.exit();
  }
}

function usageError(message: string): void {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exitCode = 2;
}

/** Of the folders that are written to, one that is not there: better known now than when all is measured. */
function missingFolder(): string | undefined {
  const files = [options.plot, options['no-report'] ? undefined : options.report];
  const folders = [options.dir, options.tmpfs, ...files.map((file) => file && dirname(resolve(file)))];
  return folders.find(
    (folder) => folder !== undefined && !statSync(folder, { throwIfNoEntry: false })?.isDirectory(),
  );
}

function chosen(): readonly string[] {
  if (positionals.includes('all')) return names;
  return positionals.length > 0 ? positionals : names.filter((name) => !GROUPS[name].long);
}

function helpOf(some: readonly string[]): string {
  return some.map((name) => `  ${name.padEnd(10)} ${GROUPS[name].help}\n`).join('');
}

async function run(some: readonly string[]): Promise<void> {
  const startedAt = new Date();
  const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.type()} ${os.release()}, Node ${process.version}`;
  const groups: BenchGroup[] = [];
  if (!options.json) process.stdout.write(`${machine}\n`);
  for (const name of some) {
    const measured = await runGroup(name);
    groups.push(...measured);
    if (!options.json) process.stdout.write(measured.map(formatGroup).join(''));
  }
  if (!options['no-report']) writeFileSync(options.report, benchReport(machine, startedAt, groups));
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, groups }, withoutDistributions)}\n`);
  else if (!options['no-report']) process.stdout.write(`\nreport: ${options.report}\n`);
}

function withoutDistributions(name: string, value: unknown): unknown {
  return name === 'distribution' ? undefined : value;
}

async function runGroup(name: string): Promise<BenchGroup[]> {
  const progress = new Progress(name);
  const places: Place[] = [makePlace(options.dir)];
  try {
    const measured = await GROUPS[name].run({
      dir: places[0].dir,
      fileSystem: places[0].fileSystem,
      quick: options.quick === true,
      tmpfs: (needBytes) => {
        const place = makeTmpfsPlace(options.tmpfs ?? TMPFS_DIR, needBytes);
        if (place !== undefined) places.push(place);
        return place;
      },
      plotFile: options.plot,
      progress: (text) => progress.at(text),
    });
    return Array.isArray(measured) ? measured : [measured];
  } finally {
    for (const place of places) place.remove();
    progress.end();
  }
}
