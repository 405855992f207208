import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecorderManager } from '@fswal/recorder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OrderFlow } from '../src/flow/order-flow.js';
import { PacedFlow } from '../src/log/paced-flow.js';
import { Discrepancy } from '../src/soak/discrepancy.js';
import { FlowWindow } from '../src/soak/flow-window.js';
import { LogJudge } from '../src/soak/log-judge.js';

const EVENTS = 1000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function windowOf(seed: number, capacity = 2 * EVENTS): FlowWindow {
  const window = new FlowWindow(new PacedFlow(new OrderFlow(seed), {}), capacity);
  window.fill(2 * EVENTS);
  return window;
}

/** Appends these events of seed 1. */
async function record(first: number, last: number, skip = 0): Promise<void> {
  const window = windowOf(1);
  const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16, tailBlocks: 16 });
  for (let id = first; id <= last; id++) if (id !== skip) recorder.append(window.eventAt(id));
  await recorder.close();
}

const judgeOf = (seed: number, capacity?: number) => new LogJudge(dir, windowOf(seed, capacity), 4);
const verdictOf = (judge: LogJudge, due: number) => judge.judge(due).catch((error: unknown) => error);

describe('the judge of a log', () => {
  it('takes a log as it grows, and counts what is new', async () => {
    const judge = judgeOf(1);
    expect(await judge.judge(0)).toMatchObject({ recovered: 0, kept: 0, bytes: 0 });
    await record(1, EVENTS);
    expect(await judge.judge(EVENTS)).toMatchObject({ recovered: EVENTS, kept: EVENTS });
    await record(EVENTS + 1, EVENTS + 10);
    // The append of the last one had not returned.
    expect(await judge.judge(EVENTS + 9)).toMatchObject({ recovered: 10, kept: EVENTS + 10 });
    expect(judge.recovered).toBe(EVENTS + 10);
  });

  it.each([
    ['lost', EVENTS + 3, { eventId: EVENTS + 1, expected: '1003', found: '1000' }],
    ['invented', EVENTS - 2, { eventId: EVENTS - 1, expected: '998', found: '1000' }],
  ])('finds events that are %s', async (kind, due, place) => {
    await record(1, EVENTS);
    expect(await verdictOf(judgeOf(1), due)).toMatchObject({ kind, place });
  });

  it('finds an event of another flow, and shows both', async () => {
    await record(1, EVENTS);
    const found = (await verdictOf(judgeOf(2), EVENTS)) as Discrepancy;
    expect(found).toBeInstanceOf(Discrepancy);
    expect([found.kind, found.place.eventId, found.message]).toEqual([
      'event',
      1,
      "event 1 is not the flow's",
    ]);
    expect(found.place.expected).toMatch(/^0100000000000000[0-9a-f]{112}$/);
    expect(found.place.found).not.toBe(found.place.expected);
  });

  it('finds an event that is missing between others', async () => {
    await record(1, EVENTS, 500);
    const found = await verdictOf(judgeOf(1), EVENTS);
    expect(found).toMatchObject({ kind: 'event', message: 'event 501 after event 499' });
  });

  it('finds that its engines have come to different states', async () => {
    await record(1, EVENTS);
    // A window so small that the flow's engine is given other requests than the log's.
    expect(await verdictOf(judgeOf(1, 10), EVENTS)).toMatchObject({
      kind: 'state',
      place: { eventId: EVENTS },
    });
  });

  it('finds that a log begins later, and too few segments are left of it', async () => {
    const judge = judgeOf(1);
    await record(1, EVENTS);
    await judge.judge(EVENTS);
    rmSync(dir, { recursive: true });
    await record(EVENTS, EVENTS + 1);
    expect(await verdictOf(judge, EVENTS + 1)).toMatchObject({ kind: 'retention', place: { eventId: 1 } });
  });
});
