/* What a recorder publishes while it works, in the thread that has opened it. */
import diagnostics from 'node:diagnostics_channel';
import fs from 'node:fs';
import { join } from 'node:path';
import { RequestEvent, segmentFileName } from '@fswal/format';
import { expect, onTestFinished, test } from 'vitest';
import {
  RECORDER_CHANNELS,
  type RecorderFailureMessage,
  type RecorderMaintenanceFailureMessage,
  RecorderManager,
  type RecorderOpenMessage,
  type RecorderSegmentMessage,
} from '../dist/index.js';
import { newLogDir } from './helpers/directories.js';

const SEGMENT_EVENTS = 16 * 256;

function listen<Message>(name: string): Message[] {
  const heard: Message[] = [];
  const take = (message: unknown) => void heard.push(message as Message);
  diagnostics.subscribe(name, take);
  onTestFinished(() => void diagnostics.unsubscribe(name, take));
  return heard;
}

async function record(recorder: RecorderManager, upTo: number): Promise<void> {
  const event = new RequestEvent();
  for (let id = Number(recorder.metaState.eventId) + 1; id <= upTo; id++) {
    event.eventId = id;
    recorder.append(event);
    if (id % 1000 === 0) await recorder.sync();
  }
  await recorder.sync();
}

function statesOf(messages: readonly RecorderSegmentMessage[], segmentIndex: number): string[] {
  return messages.filter((message) => message.segmentIndex === segmentIndex).map(({ state }) => state);
}

test('the states of every segment come in order, each once, through rotation, compression and retention', async () => {
  const dir = newLogDir();
  const opened = listen<RecorderOpenMessage>(RECORDER_CHANNELS.open);
  const closed = listen(RECORDER_CHANNELS.close);
  const failed = listen(RECORDER_CHANNELS.failure);
  const messages = listen<RecorderSegmentMessage>(RECORDER_CHANNELS.segment);
  const options = {
    dir,
    blocksPerSegment: 16,
    tailBlocks: 16,
    maxSegments: 2,
    maxCompressedSegments: 3,
    durability: 'group' as const,
    maintainers: 3,
  };
  const first = await RecorderManager.open(options);
  await record(first, 20 * SEGMENT_EVENTS + 10);
  await first.close();
  const ofFirst = messages.slice();
  const second = await RecorderManager.open(options);
  await record(second, 21 * SEGMENT_EVENTS);
  await second.close();

  expect(opened).toMatchObject([
    { dir, lastEventId: 0n },
    { dir, lastEventId: BigInt(20 * SEGMENT_EVENTS + 10) },
  ]);
  expect(closed).toHaveLength(2);
  expect(failed).toEqual([]);
  for (let segment = 0; segment < 20; segment++) {
    const states = statesOf(ofFirst, segment);
    expect(states.slice(0, 4), `segment ${segment}`).toEqual(['prepared', 'active', 'sealed', 'persisted']);
    expect([[], ['compressed'], ['deleted'], ['compressed', 'deleted']]).toContainEqual(states.slice(4));
  }
  // What was told is what is there.
  for (let segment = 0; segment <= 22; segment++) {
    const last = statesOf(messages, segment).at(-1);
    expect(fs.existsSync(join(dir, segmentFileName(segment))), `segment ${segment}`).toBe(
      last === 'persisted',
    );
    expect(fs.existsSync(join(dir, `${segmentFileName(segment)}.lz4`)), `segment ${segment}`).toBe(
      last === 'compressed',
    );
  }
  expect(new Set(messages.map((message) => message.dir))).toEqual(new Set([dir]));
});

test('a recorder that goes on in a segment tells that it is active, and one that was not used is deleted', async () => {
  const dir = newLogDir();
  const first = await RecorderManager.open({ dir, blocksPerSegment: 16 });
  await record(first, 100);
  await first.close();
  const messages = listen<RecorderSegmentMessage>(RECORDER_CHANNELS.segment);
  const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16 });
  await recorder.close();
  expect(statesOf(messages, 0)).toEqual(['active', 'sealed', 'persisted']);
  for (const { segmentIndex } of messages.filter((message) => message.segmentIndex > 0)) {
    expect(statesOf(messages, segmentIndex)).toEqual(['prepared', 'deleted']);
  }
});

test('a failure is told once: of opening, and of a thread', async () => {
  const dir = newLogDir();
  const failed = listen<RecorderFailureMessage>(RECORDER_CHANNELS.failure);
  const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16 });
  await expect(RecorderManager.open({ dir })).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' });
  expect(failed).toMatchObject([{ dir, error: { code: 'DIRECTORY_LOCKED' } }]);
  await record(recorder, 10);
  fs.renameSync(dir, `${dir}.away`);
  await record(recorder, 20).catch(() => {});
  await recorder.close().catch(() => {});
  expect(failed.slice(1)).toMatchObject([{ dir, error: { code: 'FSYNC_FAILED' } }]);
});

test('a segment that has rotted is told of when it is to be compressed, and the recorder goes on', async () => {
  const dir = newLogDir();
  const failed = listen(RECORDER_CHANNELS.failure);
  const undone = listen<RecorderMaintenanceFailureMessage>(RECORDER_CHANNELS.maintenanceFailure);
  const first = await RecorderManager.open({ dir, blocksPerSegment: 16 });
  await record(first, 4 * SEGMENT_EVENTS + 1);
  await first.close();
  const rotten = join(dir, segmentFileName(1));
  const bytes = fs.readFileSync(rotten);
  bytes[200]! ^= 1;
  fs.writeFileSync(rotten, bytes);
  const limits = { maxSegments: 2, maxCompressedSegments: 10 };
  const second = await RecorderManager.open({ dir, blocksPerSegment: 16, ...limits });
  for (let id = 4 * SEGMENT_EVENTS + 2; undone.length === 0 && id < 5 * SEGMENT_EVENTS; id++)
    await record(second, id);
  await record(second, 6 * SEGMENT_EVENTS);
  await second.close();
  expect(undone).toMatchObject([{ dir, segmentIndex: 1, work: 'compression', reason: 'SEGMENT_CORRUPTED' }]);
  expect(undone[0]?.message).toMatch(/not compressed/);
  expect(failed).toEqual([]);
  expect(fs.readFileSync(rotten).equals(bytes)).toBe(true);
});
