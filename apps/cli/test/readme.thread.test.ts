import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path, { delimiter } from 'node:path';
import { expect, it } from 'vitest';
import { BIN } from './helpers/fswal.js';
import { record, SEGMENT_EVENTS, tempDir } from './helpers/logs.js';

const README = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** A command of the README, and what it shows below it. */
interface Example {
  readonly command: string;
  readonly output: string;
}

function examples(): Example[] {
  const sessions = [...README.matchAll(/```console\n(.*?)```/gs)].map(([, session]) => session);
  return sessions.flatMap((session) =>
    session
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const end = example.indexOf('\n');
        return { command: example.slice(0, end), output: example.slice(end + 1) };
      }),
  );
}

/** Times, sizes and what was measured differ from run to run; what they are about does not. */
function steady(text: string, command: string): string {
  const places = text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME')
    .replaceAll(/ *[\d.]+ ([kM]?B)\b/g, ' SIZE $1');
  return command.startsWith('fswal bench') ? places.replaceAll(/ *[\d.,]+ (ns|MB\/s|ms)?/g, ' N ') : places;
}

/** A directory as the README has it: a log, a copy of it, and `fswal` in the path. */
async function prepare(): Promise<{ cwd: string; run: (command: string) => string }> {
  const cwd = tempDir();
  await record(6 * SEGMENT_EVENTS + 100, path.join(cwd, 'orders.log'));
  fs.cpSync(path.join(cwd, 'orders.log'), path.join(cwd, 'backup'), { recursive: true });
  const bin = tempDir();
  fs.writeFileSync(path.join(bin, 'fswal'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`, {
    mode: 0o755,
  });
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const run = (command: string) =>
    spawnSync('bash', ['-c', `{ ${command}; } 2>&1`], { cwd, env, encoding: 'utf8' }).stdout;
  return { cwd, run };
}

it('the commands in the README show what it says they show', async () => {
  const { run } = await prepare();
  expect(examples().length).toBeGreaterThan(8);
  for (const { command, output } of examples()) {
    expect(steady(run(command), command), command).toBe(steady(output, command));
  }
});

it('the README names every command', () => {
  for (const name of ['inspect', 'verify', 'dump', 'tail', 'seek', 'repair', 'compress', 'expand', 'bench']) {
    expect(README).toContain(`| \`${name} `);
  }
});
