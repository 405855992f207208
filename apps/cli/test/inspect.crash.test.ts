import fs from 'node:fs';
import path from 'node:path';
import { META_FILE } from '@fswal/format';
import { compressLog } from '@fswal/recorder';
import { describe, expect, it } from 'vitest';
import { fswal, jsonOf } from './helpers/fswal.js';
import {
  flip,
  golden,
  makeDurable,
  record,
  recordAndDie,
  SEGMENT_EVENTS,
  segment,
  snapshot,
  tempDir,
} from './helpers/logs.js';

interface Inspected {
  readonly segments: readonly Record<string, unknown>[];
  readonly durable: Record<string, unknown>;
  readonly tailRing: { bytes: number } | null;
  readonly others: readonly string[];
  readonly foreign: number;
  readonly problems: readonly { code: string }[];
}

async function inspect(dir: string) {
  const run = await fswal(['inspect', dir, '--json']);
  return { run, ...jsonOf<Inspected>(run) };
}

describe('inspect', () => {
  it('tells what the fronts of the files tell', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    await compressLog({ dir });
    const run = await fswal(['inspect', dir, '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const front = { version: 2, blocks: 16, events: 4096, contentBytes: 263_232, state: 'sealed' };
    const times = {
      createdNs: expect.stringMatching(/^\d{19}$/),
      closedNs: expect.stringMatching(/^\d{19}$/),
    };
    expect(jsonOf(run)).toEqual({
      dir,
      segments: [
        {
          ...front,
          ...times,
          file: 'FS.00000000.wal.lz4',
          segmentIndex: 0,
          compressed: true,
          firstEventId: '1',
          lastEventId: '4096',
          bytes: fs.statSync(`${segment(dir, 0)}.lz4`).size,
          compressionRatio: expect.any(Number),
        },
        {
          ...front,
          ...times,
          file: 'FS.00000001.wal',
          segmentIndex: 1,
          compressed: false,
          firstEventId: '4097',
          lastEventId: '8192',
          bytes: 263_232,
          compressionRatio: null,
        },
      ],
      durable: { eventId: '8192', source: 'wal_meta.dat', segmentIndex: 1, offset: 263_232 },
      tailRing: null,
      others: [],
      foreign: 0,
      problems: [],
    });
  });

  it('draws the log, and lists it, in 80 columns without colours', async () => {
    const dir = await record(30 * SEGMENT_EVENTS);
    await compressLog({ dir });
    const { stdout } = await fswal(['inspect', dir]);
    expect(stdout).toContain(`         0 ${'z'.repeat(29)}#\n${' '.repeat(40)}^\n`);
    expect(stdout).toContain('6 more: --json lists all');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
    expect(stdout).not.toMatch(/\x1b/);
    const lines = stdout.split('\n').slice(1);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('shows what a killed recorder left', async () => {
    const dir = recordAndDie(SEGMENT_EVENTS + 50, 100);
    const before = snapshot(dir);
    const { run, segments, tailRing } = await inspect(dir);
    expect(run.status).toBe(0);
    expect(segments.map(({ state }) => state).slice(0, 2)).toEqual(['sealed', 'open']);
    expect(tailRing?.bytes).toBeGreaterThan(0);
    expect((await fswal(['inspect', dir])).stdout).toContain('a recorder is at work, or was killed');
    expect(snapshot(dir)).toEqual(before);
  });

  it('knows version 1', async () => {
    const { run, segments, durable } = await inspect(golden('contiguous'));
    expect(run.status).toBe(0);
    expect(segments[0]).toMatchObject({ version: 1, state: 'sealed', firstEventId: '1' });
    expect(durable.source).toBe('derived');
  });

  it('finds a damaged header, a missing segment and a lost end', async () => {
    const dir = await record(5 * SEGMENT_EVENTS);
    flip(segment(dir, 0), 10);
    fs.rmSync(segment(dir, 2));
    const { run, segments, problems } = await inspect(dir);
    expect(run.status).toBe(1);
    expect(segments[0]).toMatchObject({
      state: 'unreadable',
      version: null,
      events: null,
      firstEventId: '0',
    });
    expect(problems.map(({ code }) => code)).toEqual(['HEADER_CHECKSUM_MISMATCH', 'SEGMENT_GAP']);
    expect((await fswal(['inspect', dir])).stdout).toContain('!#_##');
    for (const index of [0, 1, 3, 4]) fs.rmSync(segment(dir, index));
    expect((await inspect(dir)).problems).toMatchObject([{ code: 'DURABLE_LOST' }]);
  });

  it('finds that the segment with the last durable event is missing', async () => {
    const dir = await record(2 * SEGMENT_EVENTS + 10);
    fs.rmSync(segment(dir, 2));
    const { run, problems } = await inspect(dir);
    expect(run.status).toBe(1);
    expect(problems).toMatchObject([{ code: 'DURABLE_LOST', file: segment(dir, 2) }]);
    fs.rmSync(path.join(dir, META_FILE));
    expect(await inspect(dir)).toMatchObject({ run: { status: 0 }, problems: [] });
  });

  it('does not call a file behind the durable position damaged: it may have been torn', async () => {
    const dir = await record(2 * SEGMENT_EVENTS);
    makeDurable(dir, 0);
    flip(segment(dir, 1), 10);
    expect(await inspect(dir)).toMatchObject({ run: { status: 0 }, problems: [] });
  });

  it('counts what is not of the log, and names what is', async () => {
    const dir = await record(10);
    fs.writeFileSync(path.join(dir, 'notes.txt'), '');
    fs.writeFileSync(path.join(dir, 'FS.00000009.wal.broken'), '');
    expect(await inspect(dir)).toMatchObject({ others: ['FS.00000009.wal.broken'], foreign: 1 });
  });

  it('has nothing to show where there is no log', async () => {
    expect(await fswal(['inspect', tempDir()])).toMatchObject({ status: 2, stdout: '' });
    expect(await inspect(await record(0))).toMatchObject({ run: { status: 0 }, segments: [] });
  });
});
