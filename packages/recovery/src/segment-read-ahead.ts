import fs from 'node:fs';
import path from 'node:path';
import { type SegmentFile, WalError } from '@fswal/format';
import { openRegularFile } from '@fswal/format/files';

/** A read by a thread of libuv. Several of them keep a device busy. */
const CHUNK_BYTES = 1 << 18;
/** More of one segment is not asked for. */
const MAX_BYTES = 64 * 2 ** 20;
/** What comes slower than 2 GB/s does not come from the page cache. */
const COLD_NS_PER_BYTE = 0.5;
/** So many segments in a row must have come as slowly: one may have met a busy processor. */
const COLD_SEGMENTS = 2;

/**
 * Has the device read the segment after the next while one is verified: reads it in threads of libuv, into memory that
 * nobody looks at. Only where segments do not come from the page cache, as it takes another processor's time. Nothing
 * depends on it.
 */
export class SegmentReadAhead {
  readonly #dir: string;
  readonly #nowhere = new Uint8Array(CHUNK_BYTES);
  #slow = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** How long a segment took to be read, in nanoseconds. */
  sawRead(ns: number, bytes: number): void {
    if (this.#isCold) return;
    this.#slow = ns > bytes * COLD_NS_PER_BYTE ? this.#slow + 1 : 0;
  }

  /** Asks for a segment file. What keeps it from being read is told by whoever reads it. */
  request({ name }: SegmentFile): void {
    if (!this.#isCold) return;
    const file = path.join(this.#dir, name);
    let opened: { fd: number; bytes: number };
    try {
      opened = openRegularFile(file);
    } catch (error) {
      if (error instanceof WalError) return;
      throw error;
    }
    this.#read(opened.fd, Math.min(opened.bytes, MAX_BYTES));
  }

  get #isCold(): boolean {
    return this.#slow === COLD_SEGMENTS;
  }

  #read(fd: number, bytes: number): void {
    let left = Math.max(1, Math.ceil(bytes / CHUNK_BYTES));
    const done = () => {
      if (--left === 0) fs.close(fd, () => {});
    };
    for (let offset = 0, reads = left; reads > 0; reads--, offset += CHUNK_BYTES) {
      fs.read(fd, this.#nowhere, 0, CHUNK_BYTES, offset, done);
    }
  }
}
