/* A log that grows step by step, as a recorder's threads make it, each step on its own. */
import fs from 'node:fs';
import path from 'node:path';
import {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  blockOffset,
  checksum,
  compressedSegmentFileName,
  encodeMeta,
  encodeSegmentHeader,
  eventOffset,
  type FormatVersion,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  sealBlock,
  segmentBytes,
  segmentFileName,
} from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { eventOf, tempDir } from './log-builder.js';

export class LiveLog {
  readonly dir: string;
  readonly version: FormatVersion;
  readonly capacityBlocks = 16;
  /** Ids of all events, in order. */
  readonly ids: bigint[] = [];
  /** The first id of each segment. */
  readonly firstIds: bigint[] = [];
  /** The segment being written; the next one begins with the next event. */
  segmentIndex = 0;
  block = 0;
  /** Events of the block that is not sealed. */
  events = 0;
  #file = '';
  #eventsInSegment = 0;
  #chained = 0n;
  readonly #content = new Uint8Array(BLOCK_BYTES);

  constructor(version: FormatVersion = 2, dir = tempDir()) {
    this.version = version;
    this.dir = dir;
  }

  get lastId(): bigint {
    return this.ids.at(-1) ?? 0n;
  }

  fileOf(segmentIndex: number): string {
    return path.join(this.dir, segmentFileName(segmentIndex));
  }

  /** Writes `count` events; blocks and segments that become full are sealed and closed. */
  append(count: number): this {
    for (let left = count; left > 0; ) {
      const some = Math.min(left, BLOCK_EVENTS - this.events);
      this.place(some).seal(BLOCK_EVENTS);
      left -= some;
    }
    return this;
  }

  /** Writes `count` events of the block that is being written, and does not seal it. They must fit. */
  place(count: number): this {
    if (this.block === 0 && this.events === 0) this.#begin(this.lastId + 1n);
    const from = eventOffset(this.events);
    for (let i = 0; i < count; i++) {
      const id = this.lastId + 1n;
      this.#content.set(eventOf(id).bytes, eventOffset(this.events++));
      this.ids.push(id);
    }
    this.#eventsInSegment += count;
    const to = eventOffset(this.events);
    this.#write(this.#content.subarray(from, to), blockOffset(this.block) + from);
    return this;
  }

  /** Seals the block if it has `least` events; a segment that is full then is closed. */
  seal(least = 1): this {
    if (this.events < least) return this;
    this.sealInMemory();
    this.#write(this.#content.subarray(0, BLOCK_HEADER_BYTES), blockOffset(this.block));
    this.#content.fill(0);
    this.block++;
    this.events = 0;
    if (this.block === this.capacityBlocks) this.close();
    return this;
  }

  /** The header of the block as it will be sealed. */
  sealInMemory(): Uint8Array {
    const chained = sealBlock(this.#content, this.block, this.events, this.#chained);
    this.#chained = chained;
    return this.#content.slice(0, BLOCK_HEADER_BYTES);
  }

  /** Seals and closes the segment. With `reopen` it is written on, else the next one. */
  close(): this {
    if (this.events > 0) this.seal();
    if (this.block === 0) return this;
    this.#writeHeader(true);
    this.segmentIndex++;
    this.block = 0;
    this.#eventsInSegment = 0;
    return this;
  }

  /** Writes other bytes for an event of the block that is being written: what it will be sealed with. */
  replace(event: number, bytes: Uint8Array): this {
    const at = eventOffset(event);
    this.#content.set(bytes, at);
    this.#write(bytes, blockOffset(this.block) + at);
    return this;
  }

  /** Closes the segment short, to be opened again, as a recorder that is closed. */
  closeShort(): this {
    if (this.events > 0) this.seal();
    if (this.block === 0) return this;
    this.#writeHeader(true);
    return this;
  }

  reopen(): this {
    if (this.block > 0) this.#writeHeader(false);
    return this;
  }

  /** Makes a segment ahead: of a file that was used before, or a new one. */
  prepare(segmentIndex: number, recycled?: number): this {
    const temp = path.join(this.dir, `${segmentFileName(segmentIndex)}.tmp`);
    if (recycled === undefined) fs.writeFileSync(temp, new Uint8Array(segmentBytes(this.capacityBlocks)));
    else fs.renameSync(this.fileOf(recycled), temp);
    writeAt(temp, this.#header(segmentIndex, 0n, false), 0);
    fs.renameSync(temp, this.fileOf(segmentIndex));
    return this;
  }

  compress(segmentIndex: number, { keep = false } = {}): this {
    const file = this.fileOf(segmentIndex);
    const packed = path.join(this.dir, compressedSegmentFileName(segmentIndex));
    fs.writeFileSync(packed, compressSegment(fs.readFileSync(file)));
    if (!keep) fs.unlinkSync(file);
    return this;
  }

  remove(segmentIndex: number): this {
    fs.rmSync(this.fileOf(segmentIndex), { force: true });
    fs.rmSync(path.join(this.dir, compressedSegmentFileName(segmentIndex)), { force: true });
    return this;
  }

  /** Says that all that is written of the current segment is durable, or what is given instead. */
  makeDurable(eventId = this.lastId): this {
    const part = this.#content.subarray(BLOCK_HEADER_BYTES, eventOffset(this.events));
    const offset =
      this.events > 0
        ? blockOffset(this.block) + eventOffset(this.events)
        : Math.max(SEGMENT_HEADER_BYTES, blockOffset(this.block));
    const prefixChecksum = this.events > 0 ? checksum(part, 0n) : 0n;
    const position = { segmentIndex: this.segmentIndex, offset, eventId, prefixChecksum };
    fs.writeFileSync(path.join(this.dir, META_FILE), encodeMeta(position));
    return this;
  }

  #begin(firstId: bigint): void {
    this.#file = this.fileOf(this.segmentIndex);
    if (!fs.existsSync(this.#file)) this.prepare(this.segmentIndex);
    if (this.version === 1) this.#chained = 0n;
    this.firstIds[this.segmentIndex] = firstId;
    this.#writeHeader(false);
  }

  #writeHeader(closed: boolean): void {
    this.#write(this.#header(this.segmentIndex, this.firstIds[this.segmentIndex] ?? 0n, closed), 0);
  }

  /** The header of a full segment before it is closed. */
  writeOpenHeader(segmentIndex: number): this {
    writeAt(
      this.fileOf(segmentIndex),
      this.#header(segmentIndex, this.firstIds[segmentIndex] ?? 0n, false),
      0,
    );
    return this;
  }

  #header(segmentIndex: number, firstEventId: bigint, closed: boolean): Uint8Array {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    encodeSegmentHeader(
      {
        version: this.version,
        segmentIndex,
        blockCount: closed ? this.block : 0,
        eventCount: closed ? this.#eventsInSegment : 0,
        firstEventId: this.version === 1 && !closed ? 0n : firstEventId,
        lastEventId: closed ? this.lastId : 0n,
        createdNs: 1n,
        closedNs: closed ? 2n : 0n,
        lastChainedChecksum: closed ? this.#chained : 0n,
      },
      bytes,
    );
    return bytes;
  }

  #write(bytes: Uint8Array, offset: number): void {
    writeAt(this.#file, bytes, offset);
  }
}

export function writeAt(file: string, bytes: Uint8Array, offset: number): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.length, offset);
  fs.closeSync(fd);
}
