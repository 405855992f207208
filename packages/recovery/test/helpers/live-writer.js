/*
 * A log that is being written, for a reader to read: what a recorder's threads do, by plain writes. Runs until
 * `shared[1]` is set, or for so many segments: nobody may be there to set it. `shared[0]` is the last event whose
 * append has returned.
 */
import fs from 'node:fs';
import path from 'node:path';
import { workerData } from 'node:worker_threads';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  blockOffset,
  EVENT_BYTES,
  encodeMeta,
  encodeSegmentHeader,
  encodeTailRingHeader,
  eventOffset,
  META_FILE,
  sealBlock,
  segmentBytes,
  segmentFileName,
  TAIL_RING_FILE,
  tailRingBytes,
} from '@fswal/format';

const { dir, bootId, seed } = workerData;
const shared = new Int32Array(workerData.shared);
const BLOCKS = 16;
const TAIL_BLOCKS = 4;
const MOST_SEGMENTS = 1000;

let random = seed;
function upTo(limit) {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
  return (random >>> 8) % limit;
}

const ringHeader = new Uint8Array(4096);
encodeTailRingHeader({ tailBlocks: TAIL_BLOCKS, afterEventId: 0n, link: 0n, bootId }, ringHeader);
const ring = fs.openSync(path.join(dir, TAIL_RING_FILE), 'w+');
fs.ftruncateSync(ring, tailRingBytes(TAIL_BLOCKS));
fs.writeSync(ring, ringHeader, 0, ringHeader.length, 0);

const block = new Uint8Array(BLOCK_BYTES);
const event = new Uint32Array(EVENT_BYTES / 4);
const eventBytes = new Uint8Array(event.buffer);
const header = new Uint8Array(64);
let chained = 0n;
let id = 0;

/** Every word of an event is its id: a torn one shows. */
function append(slot, index) {
  event.fill(++id);
  event[1] = 0;
  const at = 4096 + slot * BLOCK_BYTES + eventOffset(index);
  fs.writeSync(ring, eventBytes, 8, EVENT_BYTES - 8, at + 8);
  fs.writeSync(ring, eventBytes, 0, 8, at);
  block.set(eventBytes, eventOffset(index));
  Atomics.store(shared, 0, id);
}

function writeHeader(fd, segmentIndex, first, closed) {
  const events = closed ? BLOCKS * BLOCK_EVENTS : 0;
  encodeSegmentHeader(
    {
      version: 2,
      segmentIndex,
      blockCount: closed ? BLOCKS : 0,
      eventCount: events,
      firstEventId: BigInt(first),
      lastEventId: closed ? BigInt(id) : 0n,
      createdNs: 1n,
      closedNs: closed ? 2n : 0n,
      lastChainedChecksum: closed ? chained : 0n,
    },
    header,
  );
  fs.writeSync(fd, header, 0, 64, 0);
}

function writeDurable(segmentIndex) {
  const position = {
    segmentIndex,
    offset: segmentBytes(BLOCKS),
    eventId: BigInt(id),
    prefixChecksum: 0n,
  };
  const temp = path.join(dir, `${META_FILE}.tmp`);
  fs.writeFileSync(temp, encodeMeta(position));
  fs.renameSync(temp, path.join(dir, META_FILE));
}

function writeSegment(segmentIndex) {
  const fd = fs.openSync(path.join(dir, segmentFileName(segmentIndex)), 'w+');
  fs.ftruncateSync(fd, segmentBytes(BLOCKS));
  writeHeader(fd, segmentIndex, 0, false);
  for (let index = 0; index < BLOCKS; index++) {
    if (Atomics.load(shared, 1) !== 0) break;
    writeBlock(fd, segmentIndex, index);
  }
  const stopped = Atomics.load(shared, 1) !== 0;
  if (!stopped) {
    writeHeader(fd, segmentIndex, id - BLOCKS * BLOCK_EVENTS + 1, true);
    writeDurable(segmentIndex);
  }
  fs.closeSync(fd);
  return !stopped;
}

function writeBlock(fd, segmentIndex, index) {
  const slot = (segmentIndex * BLOCKS + index) % TAIL_BLOCKS;
  const start = blockOffset(index);
  let written = 0;
  block.fill(0);
  for (let count = 0; count < BLOCK_EVENTS; ) {
    for (let batch = 1 + upTo(120); batch > 0 && count < BLOCK_EVENTS; batch--) append(slot, count++);
    if (index === 0 && written === 0) writeHeader(fd, segmentIndex, id - count + 1, false);
    if (count === BLOCK_EVENTS) break;
    const from = eventOffset(written);
    fs.writeSync(fd, block, from, eventOffset(count) - from, start + from);
    written = count;
  }
  chained = sealBlock(block, index, BLOCK_EVENTS, chained);
  fs.writeSync(fd, block, 0, BLOCK_BYTES, start);
}

for (let segmentIndex = 0; segmentIndex < MOST_SEGMENTS; segmentIndex++) {
  if (!writeSegment(segmentIndex)) break;
}
fs.closeSync(ring);
