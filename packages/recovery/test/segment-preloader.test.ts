import fs from 'node:fs';
import { BLOCK_BYTES, type SegmentFile } from '@fswal/format';
import { SpscRing } from '@fswal/ring';
import { describe, expect, it } from 'vitest';
import { LogReader } from '../src/log-reader.js';
import {
  END,
  EXHAUSTED_WORDS,
  FILLED_WORDS,
  FilledWord,
  type PreloaderMessage,
  RING_CAPACITY,
  STOP,
} from '../src/preloader-protocol.js';
import { ReplayWindow } from '../src/replay-window.js';
import { SegmentPreloader } from '../src/segment-preloader.js';
import { windowCount } from '../src/window-count.js';
import { workOff } from './helpers/bounded.js';
import { buildLog, full, writeMeta } from './helpers/log-builder.js';
import { cut } from './helpers/vandal.js';

/** A preloader over a log of `segments` segments, without a thread. */
function preloaderOf(segments: number, windows: number) {
  const log = buildLog({ segments: Array.from({ length: segments }, () => ({ blocks: full(2) })) });
  writeMeta(log);
  const reader = LogReader.open({ dir: log.dir, tailRingDir: log.dir, fromEventId: 0n });
  const filled = SpscRing.create({ capacity: RING_CAPACITY, recordWords: FILLED_WORDS });
  const exhausted = SpscRing.create({ capacity: RING_CAPACITY, recordWords: EXHAUSTED_WORDS });
  const memory = Array.from({ length: windows }, () => ReplayWindow.allocate(reader.windowBytes));
  const messages: PreloaderMessage[] = [];
  const asked: number[] = [];
  const sink = { postMessage: (message: PreloaderMessage) => messages.push(message) };
  const readAhead = { request: ({ segmentIndex }: SegmentFile) => void asked.push(segmentIndex) };
  const preloader = new SegmentPreloader(reader, memory, filled, exhausted, sink, { readAhead });
  const record = new Int32Array(FILLED_WORDS);
  const take = () => (filled.pop(record) ? record[FilledWord.window] : undefined);
  const giveBack = (window: number) => exhausted.push(new Int32Array(EXHAUSTED_WORDS).fill(window, 0, 1));
  return { log, preloader, memory, messages, asked, record, take, giveBack };
}

describe('SegmentPreloader', () => {
  it('fills every window, then has nothing to do until one comes back', () => {
    const { preloader, take, giveBack, record } = preloaderOf(5, 2);
    expect(preloader.doWork()).toBe(1);
    expect(preloader.doWork()).toBe(1);
    expect(preloader.doWork()).toBe(0);
    const first = take() as number;
    expect(record[FilledWord.segmentIndex]).toBe(0);
    expect(record[FilledWord.blocks]).toBe(2);
    expect(record[FilledWord.segments]).toBe(1);
    giveBack(first);
    expect(preloader.doWork()).toBe(2);
    expect(preloader.doWork()).toBe(0);
    expect(take()).not.toBe(first);
    expect(take()).toBe(first);
    expect(record[FilledWord.segmentIndex]).toBe(2);
  });

  it('asks for the segment after the next one before that is read, and for no other', () => {
    const { preloader, take, giveBack, asked } = preloaderOf(4, 1);
    for (let filled = 0; filled < 4; filled++) {
      expect(asked).toEqual([2, 3].slice(0, filled));
      workOff(preloader);
      giveBack(take() as number);
    }
    expect(asked).toEqual([2, 3]);
  });

  it('publishes the end once, behind the last window', () => {
    const { preloader, take, giveBack, messages, log } = preloaderOf(1, 2);
    workOff(preloader);
    const window = take() as number;
    expect(take()).toBe(END);
    expect(take()).toBeUndefined();
    giveBack(window);
    expect(preloader.doWork()).toBe(1);
    expect(preloader.doWork()).toBe(0);
    expect(messages).toEqual([
      {
        kind: 'end',
        end: { error: undefined, tail: null, tailRing: null, gaps: [], endEventId: log.lastId },
      },
    ]);
  });

  it('sends an error as plain data, with its place', () => {
    const { preloader, messages, log } = preloaderOf(2, 3);
    cut(log.segments[1].file, 100);
    workOff(preloader);
    expect(messages).toMatchObject([
      { kind: 'end', end: { error: { code: 'DURABLE_LOST', file: log.segments[1].file, eventId: 512n } } },
    ]);
  });

  it('sends the new memory of a window that had to grow', () => {
    const { preloader, messages, memory, record, take, log } = preloaderOf(1, 1);
    const { buffer } = memory[0];
    const larger = buildLog({ segments: [{ blocks: full(20) }], blocksPerSegment: 20 });
    fs.copyFileSync(larger.segments[0].file, log.segments[0].file);
    preloader.doWork();
    expect(memory[0].buffer.byteLength).toBe(buffer.byteLength + 4 * BLOCK_BYTES);
    expect(messages).toEqual([{ kind: 'memory', window: 0, buffer: memory[0].buffer }]);
    expect(take()).toBe(0);
    expect(record[FilledWord.messages]).toBe(1);
  });

  it('stops when it is told to, and reads no further', () => {
    const { preloader, giveBack, take } = preloaderOf(3, 2);
    giveBack(STOP);
    expect(preloader.stopped).toBe(false);
    preloader.doWork();
    expect(preloader.stopped).toBe(true);
    expect(take()).toBeUndefined();
  });
});

describe('windowCount', () => {
  it.each([
    ['one to replay from and those ahead', 2 ** 20, 100, 4, 5],
    ['no more than a short log can use', 2 ** 20, 1, 4, 2],
    ['no more than 256 MB', 100 * 2 ** 20, 100, 4, 2],
    ['two at least, however large', 2 ** 31 - 2 ** 20, 100, 4, 2],
    ['31 at most', 2 ** 20, 1000, 30, 31],
  ])('is %s', (_, bytes, segments, readAhead, expected) => {
    expect(windowCount(bytes, segments, readAhead)).toBe(expected);
  });
});
