import os from 'node:os';
import { parseArgs } from 'node:util';
import { benchAppend, benchFlatOut, benchGarbage } from './append.js';
import type { BenchGroup } from './bench-group.js';
import { makePlace } from './place.js';
import { benchReplay } from './replay.js';
import { benchRing } from './ring.js';
import { benchSync } from './sync.js';

const GROUPS: Readonly<Record<string, (dir: string, fileSystem: string) => Promise<BenchGroup>>> = {
  ring: benchRing,
  append: benchAppend,
  'flat-out': benchFlatOut,
  garbage: benchGarbage,
  replay: benchReplay,
  sync: benchSync,
};

const USAGE = `usage: npm run bench -- [--json] [--dir DIR] [GROUP ...]

  GROUP       ${Object.keys(GROUPS).join(', ')}; without any, all of them (under 3 minutes)
  --dir DIR   where the logs are written; default: the system's temporary directory
  --json      one JSON object on stdout instead of tables
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, dir: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});
const unknown = positionals.filter((name) => !(name in GROUPS));
if (options.help) {
  process.stdout.write(USAGE);
} else if (unknown.length > 0) {
  process.stderr.write(`there is no group ${unknown.join(', ')}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  await run(positionals.length > 0 ? positionals : Object.keys(GROUPS));
}

async function run(names: readonly string[]): Promise<void> {
  const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.type()} ${os.release()}, Node ${process.version}`;
  const groups: BenchGroup[] = [];
  if (!options.json) process.stdout.write(`${machine}\n`);
  for (const name of names) {
    process.stderr.write(`running ${name} ...\n`);
    const place = makePlace(options.dir);
    process.once('exit', place.remove);
    try {
      const group = await GROUPS[name](place.dir, place.fileSystem);
      groups.push(group);
      if (!options.json) process.stdout.write(table(group));
    } finally {
      place.remove();
      process.off('exit', place.remove);
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, groups })}\n`);
}

function table({ group, rows, ratios }: BenchGroup): string {
  const width = Math.max(...rows.map(({ name }) => name.length), ...ratios.map(({ name }) => name.length));
  const lines = rows.map(({ name, medianNs, perSec, note }) => {
    if (Number.isNaN(medianNs)) return `  ${name.padEnd(width)}  ${note ?? 'not measured'}`;
    const time = medianNs >= 100_000 ? `${(medianNs / 1e6).toFixed(3)} ms` : `${medianNs.toFixed(1)} ns`;
    const rate = Math.round(perSec).toLocaleString('en');
    return `  ${name.padEnd(width)}  ${time.padStart(10)}  ${rate.padStart(12)} /s  ${note ?? ''}`.trimEnd();
  });
  const verdicts = ratios.map(({ name, value, target, met }) => {
    if (Number.isNaN(value)) return `  ${name.padEnd(width)}  not measured`;
    const verdict = target === '-' ? '' : `  target: ${target}: ${met ? 'met' : 'MISSED'}`;
    return `  ${name.padEnd(width)}  ${value.toFixed(2).padStart(10)}${verdict}`;
  });
  return `\n${group}\n${[...lines, ...verdicts].join('\n')}\n`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
}
