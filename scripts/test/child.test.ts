import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { exitStatus, runHidden } from '../child.js';

const CHILD_MODULE = new URL('../child.js', import.meta.url).href;
const ROOT = fileURLToPath(new URL('..', import.meta.url));

const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process that runs `job` through child.js as run.js does, and exits with the job's status. */
function runner(how: 'foreground' | 'hidden', job: string): ChildProcess {
  const call =
    how === 'foreground'
      ? `runInForeground(process.execPath, ['-e', job], '.')`
      : `runHidden(process.execPath, ['-e', job], { cwd: '.', env: process.env, onLine: console.log })`;
  const source = `
    import { runHidden, runInForeground } from ${JSON.stringify(CHILD_MODULE)};
    const job = ${JSON.stringify(job)};
    process.exit((await ${call}).status);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [text] = await once(child.stdout!, 'data');
  return String(text).trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Stays until it is killed, and says its process id. */
const STAY = 'console.log(process.pid); setInterval(() => {}, 1000);';

/** Stays, with a child of its own that stays too, and says the process id of that one. */
const STAY_WITH_CHILD = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  console.log(child.pid);
  setInterval(() => {}, 1000);`;

test('counts an end by a signal as 128 and its number', () => {
  expect(exitStatus(3, null)).toBe(3);
  expect(exitStatus(null, 'SIGINT')).toBe(130);
  expect(exitStatus(null, 'SIGKILL')).toBe(137);
  expect(exitStatus(null, 'SIGTERM')).toBe(143);
});

test.for(['foreground', 'hidden'] as const)('passes on the exit status of a %s job', async (how) => {
  const [status] = await once(runner(how, 'process.exit(7)'), 'exit');
  expect(status).toBe(7);
});

test.for([
  ['foreground', 'SIGINT', 130],
  ['foreground', 'SIGTERM', 143],
  ['hidden', 'SIGINT', 130],
  ['hidden', 'SIGTERM', 143],
] as const)('ends a %s job with %s, and itself with status %i', async ([how, signal, expected]) => {
  const child = runner(how, STAY);
  const pid = Number(await firstLine(child));
  child.kill(signal);
  const [status] = await once(child, 'exit');
  expect(status).toBe(expected);
  expect(isAlive(pid)).toBe(false);
});

test('lets a foreground job end in its own way', async () => {
  const child = runner('foreground', `process.on('SIGTERM', () => process.exit(5)); ${STAY}`);
  await firstLine(child);
  child.kill('SIGTERM');
  const [status] = await once(child, 'exit');
  expect(status).toBe(5);
});

test('leaves no descendant of a hidden job behind', async () => {
  const child = runner('hidden', STAY_WITH_CHILD);
  const pid = Number(await firstLine(child));
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

test('hands over the output of a hidden job, whole and by lines', async () => {
  const lines: string[] = [];
  const { output, status } = await runHidden(
    process.execPath,
    ['-e', "process.stdout.write('a\\nb'); setTimeout(() => process.stdout.write('c\\nd'), 50)"],
    { cwd: ROOT, env: process.env, onLine: (line) => lines.push(line) },
  );
  expect(status).toBe(0);
  expect(output).toBe('a\nbc\nd');
  expect(lines).toEqual(['a', 'bc']);
});

test('says when there is no such program', async () => {
  const run = runHidden('no-such-program', [], { cwd: ROOT, env: process.env, onLine: () => {} });
  await expect(run).rejects.toMatchObject({ code: 'ENOENT' });
});
