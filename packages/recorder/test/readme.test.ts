import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RECORDER_METRICS } from '../src/recorder-metrics.js';
import { newLogDir } from './helpers/directories.js';
import { readLog } from './helpers/read-log.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLES = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
  ([, code]) => code,
);

function run(code: string, dir: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code, dir], {
    cwd: ROOT, // where the package's own name resolves to it
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout;
}

test('the example of the README works, and goes on where it stopped', () => {
  const dir = newLogDir();
  expect(run(EXAMPLES[0], dir)).toBe('durable up to event 2\n');
  expect(run(EXAMPLES[0], dir)).toBe('durable up to event 4\n');
  expect(readLog(dir, () => true)).toMatchObject({
    ids: [1, 2, 3, 4],
    segments: [{ status: 'OK', state: 'sealed' }],
  });
});

test('the example of durability and limits in the README works', () => {
  const dir = newLogDir();
  const around = `import { RequestEvent } from '@fswal/format';\nimport { RecorderManager } from '@fswal/recorder';
const dir = process.argv.at(-1);\nconst event = RequestEvent.from({ eventId: 7 });\n`;
  const out = run(
    `${around}${EXAMPLES[1]}\nconsole.log(recorder.durableEventId);\nawait recorder.close();`,
    dir,
  );
  expect(out).toBe('7n\n');
});

test("the events of one's own in the README work", () => {
  const dir = newLogDir();
  const around = `import { RecorderManager } from '@fswal/recorder';\nconst dir = process.argv.at(-1);\n`;
  run(`${around}${EXAMPLES[2]}\nawait recorder.close();`, dir);
  const right = (words: Int32Array, at: number) => words[at + 2] === 77;
  expect(readLog(dir, right)).toMatchObject({ ids: [1], wrongContent: [] });
});

test('the examples of telemetry and channels in the README work', () => {
  const dir = newLogDir();
  const code = `import { RecorderManager } from '@fswal/recorder';
import { RequestEvent } from '@fswal/format';
const dir = process.argv.at(-1);
${EXAMPLES[4]}
const recorder = await RecorderManager.open({ dir });
recorder.append(RequestEvent.from({ eventId: 7 }));
await recorder.sync();
${EXAMPLES[3]}
await recorder.close();
console.log(p99.length, durable_lag, durable_lag_time, scrape.endsWith('# EOF\\n'));`;
  const lines = run(code, dir).trimEnd().split('\n');
  expect(lines.at(-1)).toBe('2 0 0 true');
  expect(lines).toContain(`${dir}: segment 0 is active`);
});

test('the table of the README has every metric', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## Telemetry'), readme.indexOf('### Channels'));
  const listed: Record<string, string[]> = {};
  let component = '';
  for (const [, group, name] of section.matchAll(/^\| (?:\*\*`(\w+)`\*\*|`(\w+)`) \|/gm)) {
    if (group === undefined) listed[component].push(name);
    else {
      component = group;
      listed[component] = [];
    }
  }
  const measured = Object.entries(RECORDER_METRICS).map(([name, layout]) => [
    name,
    Object.keys(layout).sort(),
  ]);
  expect(Object.entries(listed).map(([name, names]) => [name, names.sort()])).toEqual(measured);
});
