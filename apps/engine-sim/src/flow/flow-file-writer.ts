import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { checksum, EVENT_BYTES, EVENT_WORDS, RequestEvent } from '@fswal/format';
import {
  CHUNK_BYTES,
  CHUNK_REQUESTS,
  encodeFlowHeader,
  FLOW_HEADER_BYTES,
  FlowFileError,
  messageOf,
} from './flow-file.js';

/**
 * Writes a flow file: beside its place until `finish`, which puts it there whole, or `discard`, which leaves nothing.
 * What was there before is replaced.
 */
export class FlowFileWriter {
  readonly #file: string;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #event = new RequestEvent(new Int32Array(this.#chunk.buffer));
  readonly #checksums: bigint[] = [];
  #offset = FLOW_HEADER_BYTES;
  #requests = 0;

  /** @throws FlowFileError */
  constructor(file: string) {
    this.#file = file;
    this.#temporary = `${file}.${process.pid}.tmp`;
    const there = statSync(file, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) {
      throw new FlowFileError('OPEN_FAILED', 'there is something else than a file', file);
    }
    try {
      this.#fd = openSync(this.#temporary, 'w');
    } catch (error) {
      throw new FlowFileError('OPEN_FAILED', messageOf(error), file, 0, error);
    }
  }

  /** Requests so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Copies the request; its id becomes its position. @throws FlowFileError */
  add(event: RequestEvent): void {
    const own = this.#event;
    own.base = (this.#requests % CHUNK_REQUESTS) * EVENT_WORDS;
    own.copyFrom(event);
    own.eventId = ++this.#requests;
    if (this.#requests % CHUNK_REQUESTS === 0) this.#flush(CHUNK_REQUESTS);
  }

  /** The file is whole, on the device and in its place once this returns. @throws FlowFileError */
  finish(): void {
    const rest = this.#requests % CHUNK_REQUESTS;
    if (rest > 0) this.#flush(rest);
    const table = new Uint8Array(BigUint64Array.from(this.#checksums).buffer);
    this.#write(table, this.#offset);
    this.#write(encodeFlowHeader(this.#requests, table), 0);
    this.#attempt(() => {
      fsyncSync(this.#fd);
      renameSync(this.#temporary, this.#file);
      syncDirectory(dirname(this.#file));
      closeSync(this.#fd);
    });
  }

  /** Instead of `finish`, or after it has failed. */
  discard(): void {
    rmSync(this.#temporary, { force: true });
    closeSync(this.#fd);
  }

  #flush(requests: number): void {
    const bytes = this.#chunk.subarray(0, requests * EVENT_BYTES);
    this.#write(bytes, this.#offset);
    this.#offset += bytes.length;
    this.#checksums.push(checksum(bytes, 0n));
  }

  #write(bytes: Uint8Array, offset: number): void {
    this.#attempt(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      }
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw new FlowFileError('WRITE_FAILED', messageOf(error), this.#file, this.#offset, error);
    }
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
