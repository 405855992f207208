import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fswal, jsonOf, linesOf } from './helpers/fswal.js';
import { LiveRecorder } from './helpers/live-recorder.js';
import { recordAndDie, SEGMENT_EVENTS, snapshot, tempDir } from './helpers/logs.js';

/** A log with a recorder at work, which has filled some segments. */
async function liveLog(batch: number, maxSegments?: number) {
  const dir = tempDir();
  const recorder = LiveRecorder.start(dir, batch, maxSegments);
  onTestFinished(() => recorder.stop());
  await recorder.reach(3 * SEGMENT_EVENTS);
  return { dir, recorder };
}

describe('beside a recorder at work', () => {
  it('verify finds the log sound, again and again', async () => {
    const { dir, recorder } = await liveLog(500);
    for (let i = 0; i < 10; i++) {
      const durable = recorder.durableEventId;
      const run = await fswal(['verify', dir, '--json']);
      expect([run.status, run.stderr]).toEqual([0, '']);
      const { events, lastEventId } = jsonOf<{ events: number; lastEventId: string }>(run);
      expect(lastEventId).toBe(String(events));
      expect(events).toBeGreaterThanOrEqual(durable);
    }
  });

  it('inspect, dump and seek work', async () => {
    const { dir, recorder } = await liveLog(500);
    const durable = recorder.durableEventId;
    expect((await fswal(['inspect', dir])).status).toBe(0);
    expect((await fswal(['seek', dir, durable])).status).toBe(0);
    const dumped = await fswal(['dump', dir, '--format', 'csv']);
    expect([dumped.status, dumped.stderr]).toEqual([0, '']);
    const ids = dumped.stdout
      .split('\n')
      .slice(1, -1)
      .map((line) => Number.parseInt(line, 10));
    expect(ids.length).toBeGreaterThanOrEqual(durable);
    expect(ids.every((id, i) => id === i + 1)).toBe(true);
  });

  it('dump --diagnostic takes nothing for damage that retention took, and prints nothing twice', async () => {
    const { dir } = await liveLog(SEGMENT_EVENTS, 3);
    let printed = 0;
    for (let i = 0; i < 5; i++) {
      const run = await fswal(['dump', dir, '--diagnostic', '--format', 'csv']);
      const said = run.stderr.split('\n').filter((line) => line.startsWith('fswal: '));
      expect(said.filter((line) => !line.startsWith('fswal: SEGMENT_NOT_FOUND'))).toEqual([]);
      // A reader that is outrun time and again gives up.
      expect(run.status).toBe(run.stderr.includes('open it again') ? 2 : 0);
      const lines = run.stdout.split('\n').slice(1, -1);
      const ids = lines.map((line) => Number.parseInt(line, 10));
      const steps = ids.filter((id, n) => n > 0 && id !== ids[n - 1] + 1);
      // What it has passed over it knows at the end.
      if (run.status === 0)
        expect(steps.filter((id) => !run.stderr.includes(`and event ${id} `))).toEqual([]);
      expect(ids.every((id, n) => n === 0 || id > ids[n - 1])).toBe(true);
      printed += ids.length;
    }
    expect(printed).toBeGreaterThan(0);
  });
});

describe('tail', () => {
  it('prints the last events, then each that a recorder adds, until Ctrl-C', async () => {
    const { dir, recorder } = await liveLog(50);
    const first = recorder.durableEventId;
    const run = await fswal(['tail', dir, '-n', 5], { interruptWhen: 2 * SEGMENT_EVENTS });
    expect([run.status, run.stderr]).toEqual([130, '']);
    const ids = linesOf<{ eventId: string }>(run).map(({ eventId }) => Number(eventId));
    expect(ids[0]).toBeGreaterThan(first - 5);
    expect(ids.every((id, i) => id === ids[0] + i)).toBe(true);
    expect(ids.length).toBeGreaterThanOrEqual(2 * SEGMENT_EVENTS);
  });

  it('begins with the event that it is told', async () => {
    const { dir } = await liveLog(50);
    const run = await fswal(['tail', dir, '--from', 4000, '--format', 'csv'], { interruptWhen: '\n4100,' });
    expect(run.status).toBe(130);
    expect(run.stdout).toMatch(/^eventId,[^\n]*\n4000,/);
  });

  it('says that a log is damaged', async () => {
    const dir = recordAndDie(2 * SEGMENT_EVENTS, 10);
    const file = `${dir}/FS.00000001.wal`;
    const bytes = fs.readFileSync(file);
    bytes[20_000] ^= 1;
    fs.writeFileSync(file, bytes);
    const run = await fswal(['tail', dir]);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('fswal: BLOCK_CHECKSUM_MISMATCH');
  });
});

/** Whether strace can be used here; the reason for a skip must be seen. */
function lacksStrace(): boolean {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    process.stderr.write('skipped: this needs strace, which is not to be had here\n');
    return true;
  }
}

describe.skipIf(lacksStrace())('what only reads', () => {
  const CHANGING =
    'open,openat,openat2,creat,truncate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,mknod,mknodat,chmod,fchmodat,chown,lchown,fchownat,utimensat,flock';
  const WRITES = /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/;

  it.each([
    ['inspect', []],
    ['verify', []],
    ['dump', []],
    ['dump', ['--diagnostic']],
    ['seek', ['4000']],
    ['tail', []],
  ] as const)(
    '%s %j opens nothing for writing in the directory, changes no name, takes no lock',
    async (name, more) => {
      const dir = fs.realpathSync(recordAndDie(SEGMENT_EVENTS + 50, 3000));
      const log = `${tempDir()}/trace`;
      const before = snapshot(dir);
      const wrapper = [
        'strace',
        // Ctrl-C is for fswal, not for its tracer.
        '-D',
        '-f',
        '-qq',
        '-y',
        '-s',
        '4096',
        '-e',
        `trace=?${CHANGING.replaceAll(',', ',?')}`,
        '-o',
        log,
      ];
      const options =
        name === 'tail' ? { wrapper, interruptWhen: `"${SEGMENT_EVENTS + 3050}"` } : { wrapper };
      const run = await fswal([name, dir, ...more], options);
      expect(run.stdout).not.toBe('');
      const calls = fs
        .readFileSync(log, 'latin1')
        .split('\n')
        .filter((line) => line.includes(dir));
      expect(calls.some((line) => line.includes('FS.00000000.wal'))).toBe(true);
      expect(calls.filter((line) => !/\bopen(at2?)?\(/.test(line) || WRITES.test(line))).toEqual([]);
      expect(snapshot(dir)).toEqual(before);
    },
  );
});
