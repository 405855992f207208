/* Logs with damage of every kind that a repair treats in its own way. */
import {
  BLOCK_EVENTS,
  blockOffset,
  compressedSegmentFileName,
  eventOffset,
  META_FILE,
  segmentFileName,
  TAIL_RING_FILE,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { buildLog, buildRing, SEGMENT_EVENTS } from './build-log.js';
import type { LogImage } from './log-copy.js';

const EVENTS = 3 * SEGMENT_EVENTS + 700;

type Files = Map<string, Uint8Array>;

function flip(files: Files, name: string, at: number): void {
  (files.get(name) as Uint8Array)[at] ^= 0xff;
}

function compress(files: Files, segmentIndex: number): string {
  const plain = segmentFileName(segmentIndex);
  const packed = compressedSegmentFileName(segmentIndex);
  files.set(packed, compressSegment(files.get(plain) as Uint8Array));
  files.delete(plain);
  return packed;
}

function damaged(durable: number, damage: (files: Files) => void): LogImage {
  const files = buildLog({ events: EVENTS, durable });
  damage(files);
  return files;
}

/** By what is wrong with them. */
export const DAMAGED_LOGS: readonly (readonly [string, LogImage])[] = [
  [
    'two damaged segments, before a tail ring',
    damaged(EVENTS, (files) => {
      flip(files, segmentFileName(0), blockOffset(4) + 700);
      flip(files, segmentFileName(1), 20);
      (files.get(segmentFileName(1)) as Uint8Array).fill(0, blockOffset(2) + 90, blockOffset(5) - 90);
      files.set(TAIL_RING_FILE, buildRing({ after: 0, lastId: EVENTS + 400 }));
    }),
  ],
  [
    'damage before the durable position and a torn tail behind it',
    damaged(SEGMENT_EVENTS + 300, (files) => {
      flip(files, segmentFileName(0), blockOffset(2) + 900);
      flip(files, segmentFileName(2), blockOffset(3) + 900);
    }),
  ],
  [
    'damage before a durable block of which the rest was torn off, and segments behind it',
    damaged(SEGMENT_EVENTS + 5 * BLOCK_EVENTS + 100, (files) => {
      const torn = files.get(segmentFileName(1)) as Uint8Array;
      torn.fill(0, blockOffset(5), blockOffset(5) + eventOffset(0));
      torn.fill(0, blockOffset(5) + eventOffset(120), blockOffset(6));
      flip(files, segmentFileName(0), blockOffset(2) + 900);
      flip(files, segmentFileName(1), blockOffset(2) + 900);
    }),
  ],
  [
    'a missing segment, and compressed ones, of which one is damaged',
    damaged(EVENTS, (files) => {
      const packed = compress(files, 0);
      flip(files, packed, (files.get(packed) as Uint8Array).length >> 1);
      files.delete(segmentFileName(1));
      compress(files, 2);
    }),
  ],
  [
    'a segment of which nothing is left, and no durable position',
    damaged(EVENTS, (files) => {
      files.set(segmentFileName(1), new Uint8Array(50_000).fill(7));
      files.set(META_FILE, new Uint8Array(32).fill(7));
    }),
  ],
];
