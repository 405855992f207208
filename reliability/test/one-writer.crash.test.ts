/* C1 to C4: a log has one writer at a time, whoever asks and however the one before ended. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { loadProvider } from '@fswal/mmap';
import { RecorderManager } from '@fswal/recorder';
import { expect, onTestFinished, test } from 'vitest';
import { Answer, Level, RACERS, RaceWords } from '../src/harness/children/race-words.js';
import { needs } from '../src/harness/needs.js';
import { HANG_MS } from '../src/harness/recording.js';
import { count, patience } from '../src/harness/scale.js';
import { seeded } from '../src/harness/seeded.js';
import { reopen, SMALL_LOG } from '../src/harness/verify-log.js';
import { newDir, newLogDir } from './helpers/directories.js';

function child(name: string): string {
  return fileURLToPath(new URL(`../src/harness/children/${name}`, import.meta.url));
}

/** Starts a child that is dead when the test is over. */
function start(name: string, ...args: string[]): ChildProcess {
  const started = spawn(process.execPath, [child(name), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(started, 'exit');
  onTestFinished(async () => {
    started.kill('SIGKILL');
    await gone;
  });
  return started;
}

/** Waits for something that others bring about. @throws Error where it does not come about */
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + HANG_MS;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what} takes more than ${HANG_MS} ms`);
    await sleep(1);
  }
}

const RACES = count({ gate: 500, full: 50_000 });
/** Most races are for the lock alone, as opening takes a hundred times as long; each so many-th opens a recorder. */
const RECORDER_EVERY = 50;

test('of 2 to 8 processes that open a log at once exactly one gets it', { timeout: patience(180_000) }, () =>
  seeded(async (random) => {
    const dir = newLogDir();
    fs.mkdirSync(dir, { mode: 0o700 });
    const wordsFile = join(dir, '..', 'words');
    const words = RaceWords.create(wordsFile);
    const numbers = Array.from({ length: RACERS }, (_, racer) => racer);
    for (const racer of numbers) start('race.js', dir, wordsFile, String(racer));
    await until('the start of the racers', () =>
      numbers.every((racer) => words.answer(racer, 0) === Answer.won),
    );
    for (let round = 1; round <= RACES; round++) {
      const racing = numbers.slice(0, random.between(2, RACERS));
      words.start(round, round % RECORDER_EVERY === 0 ? Level.recorder : Level.lock, racing.length);
      await until('a race', () => racing.every((racer) => words.answer(racer, round) !== Answer.none));
      const answers = racing.map((racer) => words.answer(racer, round)).sort();
      expect(answers, `race ${round}`).toEqual([Answer.won, ...racing.slice(1).map(() => Answer.locked)]);
      words.release = round;
      await until('the end of a race', () => numbers.every((racer) => words.released(racer) === round));
    }
  }),
);

const TIMES = count({ gate: 1, full: 1000 });

/** Ways to the same directory. */
const WAYS: Readonly<Record<string, (dir: string) => string>> = {
  'the same path': (dir) => dir,
  'a relative path': (dir) => relative(process.cwd(), dir),
  'a path with detours': (dir) => `${dir}/../log/./`,
  'a symbolic link': (dir) => {
    const link = join(newDir(), 'link');
    fs.symlinkSync(dir, link);
    return link;
  },
  'a descriptor': (dir) => {
    const fd = fs.openSync(dir, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    onTestFinished(() => fs.closeSync(fd));
    return `/proc/self/fd/${fd}`;
  },
};

async function expectLocked(dir: string): Promise<void> {
  for (let n = 0; n < TIMES; n++) {
    await expect(RecorderManager.open({ dir, ...SMALL_LOG })).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
    });
  }
}

/** A log that is open in this process until the test is over. */
async function openLog(): Promise<string> {
  const dir = newLogDir();
  const recorder = await RecorderManager.open({ dir, ...SMALL_LOG });
  onTestFinished(() => recorder.close());
  return dir;
}

test.skipIf(needs('linux')).each(Object.keys(WAYS))(
  'refuses a second recorder in this process by %s',
  async (way) => {
    const dir = await openLog();
    await expectLocked((WAYS[way] as (dir: string) => string)(dir));
  },
);

test.skipIf(needs('root', 'mount'))('refuses a second recorder in this process by a bind mount', async () => {
  const dir = await openLog();
  const alias = newDir();
  execFileSync('mount', ['--bind', dir, alias]);
  try {
    await expectLocked(alias);
  } finally {
    execFileSync('umount', [alias]);
  }
});

test('refuses a second recorder in another thread of this process', {
  timeout: patience(60_000),
}, async () => {
  const dir = await openLog();
  for (let n = 0; n < TIMES; n++) {
    const worker = new Worker(child('open-in-thread.js'), { workerData: { dir } });
    const [answer] = await once(worker, 'message');
    await worker.terminate();
    expect(answer).toBe('DIRECTORY_LOCKED');
  }
});

test('refuses a second log with the tail ring of the first', async () => {
  const tailRingDir = newDir();
  const recorder = await RecorderManager.open({ dir: newLogDir(), ...SMALL_LOG, tailRingDir });
  onTestFinished(() => recorder.close());
  await expect(RecorderManager.open({ dir: newLogDir(), ...SMALL_LOG, tailRingDir })).rejects.toMatchObject({
    code: 'DIRECTORY_LOCKED',
  });
});

/** Starts a process that holds a log and other directories. */
async function startHolder(
  dir: string,
  others: readonly string[] = [],
): Promise<{ holder: ChildProcess; heir: number }> {
  const holder = start('hold.js', dir, ...others);
  const [line] = await once(holder.stdout as NodeJS.ReadableStream, 'data');
  const heir = Number(String(line));
  expect(heir).toBeGreaterThan(1);
  onTestFinished(() => {
    process.kill(heir, 'SIGKILL');
  });
  return { holder, heir };
}

test('refuses a second recorder while the first one is stopped', { timeout: patience(60_000) }, async () => {
  const dir = newLogDir();
  const { holder } = await startHolder(dir);
  for (let n = 0; n < count({ gate: 20, full: 500 }); n++) {
    holder.kill('SIGSTOP');
    await until('stopping', () =>
      /^State:\s+T/m.test(fs.readFileSync(`/proc/${holder.pid}/status`, 'latin1')),
    );
    expect((await reopen(dir)).error?.code).toBe('DIRECTORY_LOCKED');
    holder.kill('SIGCONT');
    expect((await reopen(dir)).error?.code).toBe('DIRECTORY_LOCKED');
  }
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  expect((await reopen(dir)).error).toBeUndefined();
});

const REOPENINGS = count({ gate: 200, full: 5000 });
const DIRECTORIES = 20;

test('opens at once what a killed process held, though a child of it lives on', {
  timeout: patience(120_000),
}, async () => {
  const provider = loadProvider();
  for (let n = 0; n < REOPENINGS; n += DIRECTORIES) {
    const dir = newLogDir();
    const others = Array.from({ length: DIRECTORIES - 1 }, () => newDir());
    const { holder, heir } = await startHolder(dir, others);
    await expect(provider.lockDirectory(others[0] as string)).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
    });
    const gone = once(holder, 'exit');
    holder.kill('SIGKILL');
    await gone;
    // The lock is free at once, and the child has nothing of the log.
    expect((await reopen(dir)).error).toBeUndefined();
    for (const other of others) (await provider.lockDirectory(other)).release();
    const inherited = fs
      .readdirSync(`/proc/${heir}/fd`)
      .map((fd) => fs.readlinkSync(`/proc/${heir}/fd/${fd}`));
    expect(inherited.filter((file) => [dir, ...others].some((one) => file.startsWith(one)))).toEqual([]);
  }
});
