import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { segmentFileName, WalError } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointDirectory, checkpointName, listCheckpoints } from '../src/checkpoint/checkpoint-files.js';
import { readFlowProfile } from '../src/flow/flow-profile.js';
import { type FlowSpec, specOfSeed } from '../src/flow/flow-spec.js';
import { Recording } from '../src/log/recording.js';
import { type RecoveredState, recoverState } from '../src/log/recover-state.js';
import { Reference } from '../src/log/reference.js';

const SEED = 21;
const FLOW = specOfSeed(SEED);
const EVERY = 5000;

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  dir = join(parent, 'log');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Records so many requests more; a checkpoint is there after `every`, when the log is closed. */
async function record(
  events: number,
  { flow = FLOW as FlowSpec, at = dir, every = EVERY } = {},
): Promise<Recording> {
  const recording = await Recording.open({ dir: at, flow, blocks: 16, checkpoints: { events: every } });
  try {
    await recording.run(events);
  } finally {
    await recording.close();
  }
  return recording;
}

/** A log of 12,000 events with checkpoints at 5,000 and 10,000. */
async function recordTwoCheckpoints(): Promise<void> {
  await record(EVERY);
  await record(EVERY);
  await record(2000);
  expect(ids()).toEqual([10_000, 5000]);
}

const ids = (at = dir): number[] =>
  listCheckpoints(checkpointDirectory(at)).map(({ eventId }) => Number(eventId));
const fileOf = (eventId: number): string => join(checkpointDirectory(dir), checkpointName(BigInt(eventId)));

/** Of a state at the end of the log, from a checkpoint or, null, from the whole log. */
function expectState(state: RecoveredState, checkpoint: number | null, events: number): void {
  const { replay, log } = state;
  if (log instanceof WalError) throw log;
  expect(state.checkpoint?.eventId ?? null).toBe(checkpoint === null ? null : BigInt(checkpoint));
  expect([log.damage, replay.difference, state.incomplete]).toEqual([undefined, undefined, undefined]);
  expect(replay.lastEventId).toBe(BigInt(events));
  expect(replay.events).toBe(events - (checkpoint ?? 0));
  expect(replay.venue.stateHash()).toBe(new Reference(FLOW).stateHashAt(events));
}

function flip(file: string, byte: number): void {
  const bytes = readFileSync(file);
  bytes[byte] ^= 0x10;
  writeFileSync(file, bytes);
}

describe('the state of an engine', () => {
  it('is that of the newest checkpoint and the events after it, and the same as from the whole log', async () => {
    await recordTwoCheckpoints();
    const state = await recoverState({ dir, flow: FLOW });
    expectState(state, 10_000, 12_000);
    expect(state.skipped).toEqual([]);
    expect(state.replay.firstEventId).toBe(10_001n);
    expectState(await recoverState({ dir, flow: FLOW, full: true }), null, 12_000);
    expectState(await recoverState({ dir }), 10_000, 12_000);
  });

  it('is that of a checkpoint alone where the log ends with its event', async () => {
    await record(EVERY);
    expectState(await recoverState({ dir, flow: FLOW }), EVERY, EVERY);
  });

  it('is that of an engine without orders where there is no log', async () => {
    const { replay, log, checkpoint, skipped } = await recoverState({ dir, flow: FLOW });
    expect(log).toMatchObject({ code: 'DIRECTORY_NOT_FOUND' });
    expect([replay.lastEventId, checkpoint, skipped]).toEqual([0n, null, []]);
  });

  it('falls back to the checkpoint before, and to the whole log, and says why', async () => {
    await recordTwoCheckpoints();
    flip(fileOf(10_000), 1000);
    const before = await recoverState({ dir, flow: FLOW });
    expectState(before, 5000, 12_000);
    const reason = 'it does not match its checksum';
    expect(before.skipped).toEqual([{ file: fileOf(10_000), reason }]);
    writeFileSync(fileOf(5000), '');
    const whole = await recoverState({ dir, flow: FLOW });
    expectState(whole, null, 12_000);
    expect(whole.skipped.map(({ file }) => file)).toEqual([fileOf(10_000), fileOf(5000)]);
    expect(whole.skipped[1].reason).toContain('0 bytes');
    // Reading writes nothing.
    expect(ids()).toEqual([10_000, 5000]);
  });

  it('is never that of a checkpoint beyond the end of the log', async () => {
    await record(EVERY);
    const kept = join(parent, 'kept');
    cpSync(dir, kept, { recursive: true });
    await record(EVERY);
    rmSync(dir, { recursive: true });
    renameSync(kept, dir);
    const state = await recoverState({ dir, flow: FLOW });
    expectState(state, 5000, 5000);
    const reason = 'the log ends before event 10000, with event 5000';
    expect(state.skipped).toEqual([{ file: fileOf(10_000), reason }]);
  });

  it("is never that of another log's checkpoint, nor of one from which the log went on differently", async () => {
    const other = join(parent, 'other');
    await record(EVERY, { flow: specOfSeed(SEED + 1), at: other });
    await record(2 * EVERY, { every: 10 * EVERY });
    cpSync(checkpointDirectory(other), checkpointDirectory(dir), { recursive: true });
    const state = await recoverState({ dir, flow: FLOW });
    expectState(state, null, 10_000);
    expect(state.skipped).toEqual([{ file: fileOf(5000), reason: 'event 5000 is another one in the log' }]);
  });

  it('is had from a checkpoint where retention took what the whole log would need, and only from there', async () => {
    await recordTwoCheckpoints();
    rmSync(join(dir, segmentFileName(0)));
    expectState(await recoverState({ dir, flow: FLOW }), 10_000, 12_000);
    rmSync(join(dir, segmentFileName(1)));
    flip(fileOf(10_000), 20);
    const state = await recoverState({ dir, flow: FLOW });
    expect(state.checkpoint).toBeNull();
    const begin = state.replay.firstEventId;
    expect(begin).toBeGreaterThan(5000n);
    expect(state.skipped[1].reason).toBe(
      `the log no longer has event 5000: from there on, event ${begin} is the first`,
    );
    expect(state.incomplete).toContain(`the log begins with event ${begin}`);
  });

  it('has the damage of the log for a result, also behind a checkpoint', async () => {
    await recordTwoCheckpoints();
    const last = readdirSync(dir)
      .filter((name) => name.startsWith('FS.'))
      .sort()
      .at(-1)!;
    flip(join(dir, last), 100);
    const { log } = await recoverState({ dir, flow: FLOW });
    expect((log as { damage?: WalError }).damage).toBeInstanceOf(WalError);
  });

  it('tells a log of another seed by the event of its checkpoint', async () => {
    await record(EVERY);
    const { replay, checkpoint } = await recoverState({ dir, flow: specOfSeed(SEED + 1) });
    expect(checkpoint?.eventId).toBe(5000n);
    expect(replay.difference).toEqual({ eventId: 5000n, reason: "event 5000 is not the flow's" });
  });
});

describe('a recording with checkpoints', () => {
  it('goes on from a checkpoint, as if it had never stopped', async () => {
    await recordTwoCheckpoints();
    const recording = await record(3000);
    expect(recording.recovered.checkpoint?.eventId).toBe(10_000n);
    expect([recording.resumedAt, recording.appended]).toEqual([12_000, 3000]);
    expect(recording.venue.stateHash()).toBe(new Reference(FLOW).stateHashAt(15_000));
    expectState(await recoverState({ dir, flow: FLOW, full: true }), null, 15_000);
  });

  it('keeps two of them, and takes one at a time', async () => {
    const recording = await record(200_000, { every: 2000 });
    const { written, failed, lastEventId } = recording.checkpoints!;
    expect([written > 0, failed]).toEqual([true, 0]);
    expect(ids()[0]).toBe(Number(lastEventId));
    expect(ids().length).toBe(Math.min(2, written));
    expectState(await recoverState({ dir, flow: FLOW }), Number(lastEventId), 200_000);
  });

  it('knows the last event also where the next one waits for its time', async () => {
    const profile = readFlowProfile({ arrivals: { kind: 'fixed', rate: 1000 } });
    const flow: FlowSpec = { seed: SEED, profile };
    const checkpoints = { events: 20 };
    const recording = await Recording.open({ dir, flow, blocks: 16, pace: { speed: 1 }, checkpoints });
    await recording.run(100);
    await recording.close();
    expect(recording.checkpoints!.written).toBeGreaterThan(0);
    const { replay, checkpoint, skipped } = await recoverState({ dir, flow });
    expect([checkpoint?.eventId, skipped]).toEqual([recording.checkpoints!.lastEventId, []]);
    expect(replay.difference).toBeUndefined();
    expect(replay.venue.stateHash()).toBe(recording.venue.stateHash());
  });

  it('takes none where nothing happened since the last one', async () => {
    const recording = await Recording.open({ dir, flow: FLOW, blocks: 16, checkpoints: { seconds: 1e-6 } });
    await recording.run(300);
    await recording.close();
    expect(recording.checkpoints).toMatchObject({ written: 1, lastEventId: 300n });
    const idle = await Recording.open({ dir, flow: FLOW, checkpoints: { seconds: 1e-6 } });
    await idle.close();
    expect(idle.checkpoints!.written).toBe(0);
  });

  it('moves aside what it could not use, so that its own are the newest', async () => {
    await recordTwoCheckpoints();
    flip(fileOf(10_000), 1000);
    rmSync(dir, { recursive: true });
    // A new log in the place of the old one, of which all checkpoints are too new.
    const recording = await record(EVERY, { every: 1000 });
    expect(recording.recovered.skipped.length).toBe(2);
    const { lastEventId } = recording.checkpoints!;
    expect(ids()[0]).toBe(Number(lastEventId));
    const aside = readdirSync(checkpointDirectory(dir)).filter((name) => name.endsWith('.broken'));
    expect(aside.sort()).toEqual([5000n, 10_000n].map((id) => `${checkpointName(id)}.broken`));
  });

  it('does not begin where retention left neither a state nor the events that give it', async () => {
    await record(2 * EVERY, { every: 10 * EVERY });
    rmSync(join(dir, segmentFileName(0)));
    await expect(record(10)).rejects.toThrow('retention has taken what was before it');
  });

  it('does without a checkpoint that cannot be written, and says so', async () => {
    const recording = await Recording.open({ dir, flow: FLOW, blocks: 16, checkpoints: { events: EVERY } });
    writeFileSync(fileOf(EVERY), 'in the way');
    await recording.run(EVERY);
    await recording.close();
    expect(recording.checkpoints).toMatchObject({ written: 0, failed: 1, lastEventId: null });
    expect(recording.checkpoints!.lastFailure).toContain('FILE_ALREADY_EXISTS');
    const state = await recoverState({ dir, flow: FLOW });
    expectState(state, null, EVERY);
  });
});
