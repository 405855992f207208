import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RECOVERY_METRICS } from '../src/recovery-metrics.js';
import { buildLog, full, writeMeta } from './helpers/log-builder.js';

it('the example of the README works', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1];
  const log = buildLog({ segments: [{ blocks: full(2) }, { blocks: [40], tail: 8 }] });
  writeMeta(log, 0);
  // In the package's folder, its own name resolves to it.
  const args = ['--input-type=module', '-e', example, log.dir];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  const sum = log.ids.reduce((total, id) => total + id * 7n, 0n);
  expect(stdout).toBe(`560 events, 1 to 560, nothing cut\nquantity ${sum}\n`);
});

it('the table of metrics in the README has every one', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.slice(
    readme.indexOf('## Telemetry'),
    readme.indexOf('On `node:diagnostics_channel`'),
  );
  const listed: Record<string, string[]> = {};
  let component = '';
  for (const [, group, name] of section.matchAll(/^\| (?:\*\*`(\w+)`\*\*|`(\w+)`) \|/gm)) {
    if (group === undefined) listed[component].push(name);
    else {
      component = group;
      listed[component] = [];
    }
  }
  const measured = Object.entries(RECOVERY_METRICS).map(([name, layout]) => [name, Object.keys(layout)]);
  expect(Object.entries(listed)).toEqual(measured);
});
