import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Context } from '../src/commands/command.js';
import { tail } from '../src/commands/tail.js';
import { ReaderGone } from '../src/output.js';
import { record, SEGMENT_EVENTS, segment } from './helpers/logs.js';

/** Tails a log in this process. `afterPrint` runs after each print of events, before anything else is read. */
async function tailOf(dir: string, from: bigint, afterPrint: (ids: number[], stop: () => void) => unknown) {
  const ids: number[] = [];
  const print = async (text: string) => {
    if (text === '') return;
    for (const line of text.split('\n')) if (line !== '') ids.push(Number(JSON.parse(line).eventId));
    await afterPrint(ids, () => {
      throw new ReaderGone();
    });
  };
  const context = { output: { print }, json: true } as unknown as Context;
  const error: unknown = await tail(dir, { from, lines: 0, format: 'jsonl' }, context).then(
    () => undefined,
    (thrown) => thrown,
  );
  return { ids, error, wasStopped: error instanceof ReaderGone };
}

describe('tail, between what is there and what comes', () => {
  const last = 2 * SEGMENT_EVENTS - 5;

  it('leaves nothing out and prints nothing twice', async () => {
    const dir = await record(last);
    const { ids, wasStopped } = await tailOf(dir, BigInt(last - 9), async (printed, stop) => {
      if (printed.length === 10) await record(SEGMENT_EVENTS, dir, last + 1);
      if (printed.length === 10 + SEGMENT_EVENTS) stop();
    });
    expect(wasStopped).toBe(true);
    expect(ids).toEqual(Array.from({ length: 10 + SEGMENT_EVENTS }, (_, i) => last - 9 + i));
  });

  it('goes on where retention has taken no more than what was printed', async () => {
    const dir = await record(SEGMENT_EVENTS);
    const { ids, wasStopped } = await tailOf(dir, BigInt(SEGMENT_EVENTS), async (printed, stop) => {
      if (printed.length > 1) return stop();
      await record(5, dir, SEGMENT_EVENTS + 1);
      fs.unlinkSync(segment(dir, 0));
    });
    expect(wasStopped).toBe(true);
    expect(ids).toEqual(Array.from({ length: 6 }, (_, i) => SEGMENT_EVENTS + i));
  });

  it('says that retention was faster', async () => {
    const dir = await record(last);
    const { ids, error } = await tailOf(dir, BigInt(last - 9), async (printed, stop) => {
      if (printed.length > 10) return stop();
      await record(3 * SEGMENT_EVENTS, dir, last + 1);
      for (const index of [0, 1, 2]) fs.unlinkSync(segment(dir, index));
    });
    expect(ids).toEqual(Array.from({ length: 10 }, (_, i) => last - 9 + i));
    expect(error).toMatchObject({ name: 'WalError', code: 'SEGMENT_NOT_FOUND' });
    expect((error as Error).message).toMatch(
      new RegExp(`events after ${last} were removed by retention .* the oldest event kept is \\d+`),
    );
  });
});
