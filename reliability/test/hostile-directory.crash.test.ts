/* Z4 and Z7: a log whose directory is swapped for links all the time, and one among a great many strange files. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WalError } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';
import { expect, test } from 'vitest';
import { buildLog } from '../src/harness/build-log.js';
import { writeImage } from '../src/harness/log-copy.js';
import { needs } from '../src/harness/needs.js';
import { count, patience } from '../src/harness/scale.js';
import { appendTo, SMALL_LOG } from '../src/harness/verify-log.js';
import { newDir } from './helpers/directories.js';

function child(name: string): string {
  return fileURLToPath(new URL(`../src/harness/children/${name}`, import.meta.url));
}

/** What nobody may have changed: neither what it is, nor, by its times, for a moment. */
function stateOf(file: string): string {
  const { mode, uid, nlink, size, mtimeNs, ctimeNs } = fs.statSync(file, { bigint: true });
  return [mode, uid, nlink, size, mtimeNs, ctimeNs].join(' ');
}

const SWAPS = { most: 100_000, cpuMs: count({ gate: 1_500, full: 600_000 }) };
const LEAST_SWAPS = count({ gate: 2_000, full: 100_000 });

/** One life of a recorder, as far as it comes. @throws what is no WalError */
async function liveOn(dir: string): Promise<boolean> {
  let recorder: RecorderManager | undefined;
  try {
    recorder = await RecorderManager.open({ dir, ...SMALL_LOG, maxSegments: 2, maxCompressedSegments: 1 });
    for (let burst = 0; burst < 20; burst++) {
      appendTo(recorder, 500);
      await recorder.sync();
    }
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
  }
  await recorder?.close().catch((error: unknown) => {
    if (!(error instanceof WalError)) throw error;
  });
  return recorder !== undefined;
}

/** What is swapped, in turns. */
const ATTACKS: readonly (readonly [string, readonly string[]])[] = [
  ['its directory and its files', ['directory', 'files']],
  ['the directory that a recorder has just made', ['new directory']],
];

test.skipIf(needs('linux')).each(ATTACKS)(
  'while another process swaps %s for links all the time, a log is never written elsewhere',
  { timeout: patience(120_000) },
  async (_, ways) => {
    const parent = newDir();
    const dir = join(parent, 'log');
    const [elsewhere, victim] = [join(parent, 'elsewhere'), join(parent, 'victim')];
    fs.mkdirSync(dir, { mode: 0o700 });
    fs.mkdirSync(elsewhere);
    // A directory that no recorder may take for its own, even when its path leads there.
    fs.chmodSync(elsewhere, 0o777);
    fs.writeFileSync(victim, 'precious', { mode: 0o640 });
    const before = [stateOf(elsewhere), stateOf(victim)];
    const config = JSON.stringify({ parent, elsewhere, victim, ways, ...SWAPS });
    const attacker = spawn(process.execPath, [child('swap.js'), config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(attacker, 'close');
    let answer = '';
    attacker.stdout.on('data', (text) => {
      answer += text;
    });
    let opened = 0;
    try {
      for (let life = 0; attacker.exitCode === null && attacker.signalCode === null; life++) {
        if (await liveOn(dir)) opened++;
        // Where each life is refused before it waits for anything, the end of the attacker would never be heard of.
        await nextTurn();
        expect([stateOf(elsewhere), stateOf(victim)], `life ${life}`).toEqual(before);
        expect(fs.readdirSync(elsewhere)).toEqual([]);
      }
    } finally {
      attacker.kill('SIGKILL');
      await ended;
    }
    expect(JSON.parse(answer).swaps).toBeGreaterThanOrEqual(LEAST_SWAPS);
    expect(opened).toBeGreaterThan(0);
  },
);

const ENTRIES = count({ gate: 100_000, full: 1_000_000 });
/** A file has at most 65,000 names on ext4. */
const NAMES_PER_FILE = 50_000;
const MOST_GROWTH_BYTES = 64 << 20;
/** Not in memory: so many names are better kept on a disk. */
const ON_DISK = '/var/tmp';

test.skipIf(needs('linux'))(
  `opens among ${ENTRIES} strange files, with little more memory, and leaves them alone`,
  { timeout: patience(120_000) },
  async () => {
    const [small, large] = [join(newDir(ON_DISK), 'log'), join(newDir(ON_DISK), 'log')];
    for (const dir of [small, large]) writeImage(dir, buildLog({ events: 5_000 }));
    let file = '';
    for (let i = 0; i < ENTRIES; i++) {
      const name = join(large, `FS.${i}.junk`);
      if (i % NAMES_PER_FILE === 0) {
        file = name;
        fs.writeFileSync(file, '');
      } else {
        fs.linkSync(file, name);
      }
    }
    const { stdout } = await promisify(execFile)(process.execPath, [child('open-measured.js'), small, large]);
    const { grownBytes, recovered, found } = JSON.parse(stdout);
    expect({ recovered, found }).toEqual({ recovered: 5_000, found: 5_000 });
    expect(grownBytes).toBeLessThan(MOST_GROWTH_BYTES);
    expect(fs.readdirSync(large).filter((name) => name.endsWith('.junk')).length).toBe(ENTRIES);
  },
);
