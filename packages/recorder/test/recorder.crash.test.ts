/* Processes that record and die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { META_FILE } from '@fswal/format';
import { loadProvider } from '@fswal/mmap';
import { expect, test } from 'vitest';
import { newDir } from './helpers/directories.js';
import { resumeAndStop } from './helpers/hand-recorder.js';
import { readLog, readMeta, segmentNames } from './helpers/read-log.js';
import { freshSeed, randomFrom } from './helpers/vandal.js';

const CHILD = fileURLToPath(new URL('children/record.js', import.meta.url));

/** Every so many deaths a log begins anew, so that reading all of it each time stays quick. */
const DEATHS_PER_LOG = 5;

/** A death takes half a second, on a busy machine several. */
const TIMEOUT_MS = 180_000;

/** A child that records into a directory, and what it has published. */
function startRecording(dir: string, way: string, seed: number) {
  const file = join(dir, '..', 'published');
  fs.rmSync(file, { force: true });
  const published = new Float64Array(loadProvider().createMapped(file, 4096).buffer);
  const child = spawn(process.execPath, [CHILD, dir, file, way, String(seed)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close');
  return { child, ended, published, stderr: () => stderr };
}

/** One of the processes at least comes so far. */
const SOME_EVENTS = 1000;

async function untilOpen(child: ChildProcess, published: Float64Array): Promise<void> {
  while (published[2] === 0 && child.exitCode === null) await sleep(2);
}

async function untilAppended(child: ChildProcess, published: Float64Array): Promise<void> {
  while (published[0] < SOME_EVENTS && child.exitCode === null) await sleep(2);
}

/** The durable event id that wal_meta.dat has; 0 where there is none yet. */
function storedPosition(dir: string): number {
  return fs.existsSync(join(dir, META_FILE)) ? Number(readMeta(dir)?.eventId) : 0;
}

/** What must hold of a log whose recorder has died: D <= W <= what is there, R <= what is there. @returns its last id */
function check(dir: string, returned: number, durable: number, hint: string): number {
  const stored = storedPosition(dir);
  expect(stored, hint).toBeGreaterThanOrEqual(durable);
  const last = Number(resumeAndStop({ dir }).lastEventId);
  // One event more may be there: it was stored, and its append had not returned yet.
  expect(last - returned, hint).toBeGreaterThanOrEqual(0);
  expect(last - returned, hint).toBeLessThanOrEqual(1);
  expect(stored, hint).toBeLessThanOrEqual(last);
  const log = readLog(dir);
  expect(log.wrongContent, hint).toEqual([]);
  expect(log.ids.length, hint).toBe(last);
  expect(
    log.ids.every((id, i) => id === i + 1),
    hint,
  ).toBe(true);
  expect(
    log.segments.every(({ status, tailEvents }) => status === 'OK' && tailEvents === 0),
    hint,
  ).toBe(true);
  const others = fs.readdirSync(dir).filter((name) => !name.endsWith('.broken'));
  expect(
    others.filter((name) => name !== META_FILE),
    hint,
  ).toEqual(segmentNames(dir));
  return last;
}

// With either provider. Hundreds of them, in each durability mode, are rows P1 and P4 of the fault catalogue.
test.each([
  ['SIGKILL', 4],
  ['SIGTERM', 2],
  ['exit', 2],
  ['throw', 2],
] as const)(
  'every returned append is there after %s, %i times',
  { timeout: TIMEOUT_MS },
  async (way, deaths) => {
    const seed = freshSeed();
    const random = randomFrom(seed);
    let dir = '';
    let appended = 0;
    let before = 0;
    for (let death = 0; death < deaths; death++) {
      if (death % DEATHS_PER_LOG === 0) {
        dir = join(newDir(), 'log');
        before = 0;
      }
      const { child, ended, published, stderr } = startRecording(dir, way, random(2 ** 30));
      if (way === 'SIGKILL' || way === 'SIGTERM') {
        if (death === 0) await untilAppended(child, published);
        // Some die while they still open what the last one left.
        else if (random(4) > 0) await untilOpen(child, published);
        await sleep(random(way === 'SIGKILL' ? 120 : 60));
        child.kill(way);
      }
      await ended;
      if (way === 'throw') expect(stderr()).toContain('on purpose');
      else expect(stderr()).toBe('');
      const hint = `seed ${seed}, death ${death}`;
      const returned = Math.max(published[0], before);
      appended += returned - before;
      before = check(dir, returned, published[1], hint);
    }
    expect(appended).toBeGreaterThanOrEqual(SOME_EVENTS);
  },
);
