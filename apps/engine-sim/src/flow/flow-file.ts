import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { checksum, EVENT_BYTES, headerChecksum } from '@fswal/format';

/*
 * A recorded flow. All integers little-endian.
 *
 *     header (64 B) | request 1 | request 2 | ... | request N (64 B each) | checksum of each chunk (8 B each)
 *
 * Header: 0 u32 magic; 4 u16 version; 6 u16 header size; 8 u64 requests; 16 u32 requests in a chunk; 24 u64 XXH64 of the
 * chunks' checksums; 32 u64 header checksum, as that of a segment; the rest is zero. A request is an event as the log
 * has it, its id being its position from 1. A chunk is so many requests, the last one fewer; its checksum is the XXH64
 * of its bytes. So a file of any size is opened at once, and no request is played that was not verified.
 */
export const FLOW_MAGIC = 0x574c_4646; // "FFLW"
export const FLOW_VERSION = 1;
export const FLOW_HEADER_BYTES = 64;
export const CHUNK_REQUESTS = 4096;
export const CHUNK_BYTES = CHUNK_REQUESTS * EVENT_BYTES;
export const CHECKSUM_BYTES = 8;
export const FlowHeaderOffset = {
  magic: 0,
  version: 4,
  headerBytes: 6,
  requests: 8,
  chunkRequests: 16,
  tableChecksum: 24,
  headerChecksum: 32,
} as const;

export type FlowFileErrorCode =
  | 'OPEN_FAILED'
  | 'READ_FAILED'
  | 'WRITE_FAILED'
  | 'NOT_A_FLOW'
  | 'VERSION_UNKNOWN'
  | 'CHECKSUM_MISMATCH'
  | 'WRONG_SIZE';

/** A flow file that cannot be had or is not what it was. `code` is stable. */
export class FlowFileError extends Error {
  override readonly name = 'FlowFileError';
  readonly code: FlowFileErrorCode;
  readonly file: string;
  /** Of the byte, or of the first of the bytes, that something is wrong with. */
  readonly offset: number;

  constructor(code: FlowFileErrorCode, message: string, file: string, offset = 0, cause?: unknown) {
    super(
      `${code}: ${message} (file ${file}, offset ${offset})`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.file = file;
    this.offset = offset;
  }
}

/** What header and table say of a flow file. */
export interface FlowFileIndex {
  readonly requests: number;
  /** Of each chunk. */
  readonly checksums: BigUint64Array;
}

export function encodeFlowHeader(requests: number, table: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FLOW_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(FlowHeaderOffset.magic, FLOW_MAGIC, true);
  view.setUint16(FlowHeaderOffset.version, FLOW_VERSION, true);
  view.setUint16(FlowHeaderOffset.headerBytes, FLOW_HEADER_BYTES, true);
  view.setBigUint64(FlowHeaderOffset.requests, BigInt(requests), true);
  view.setUint32(FlowHeaderOffset.chunkRequests, CHUNK_REQUESTS, true);
  view.setBigUint64(FlowHeaderOffset.tableChecksum, checksum(table, 0n), true);
  const sum = headerChecksum(bytes, FlowHeaderOffset.headerChecksum);
  view.setBigUint64(FlowHeaderOffset.headerChecksum, sum, true);
  return bytes;
}

/** Reads and verifies header and table, and that the file has the size that they say. @throws FlowFileError */
export function readFlowIndex(file: string): FlowFileIndex {
  return withFile(file, (fd) => {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new FlowFileError('OPEN_FAILED', 'it is not a regular file', file);
    const header = readExactly(fd, file, 0, FLOW_HEADER_BYTES);
    const requests = checkFlowHeader(header, file);
    const chunks = Math.ceil(requests / CHUNK_REQUESTS);
    const tableOffset = FLOW_HEADER_BYTES + requests * EVENT_BYTES;
    const bytes = tableOffset + chunks * CHECKSUM_BYTES;
    // Before anything of that size is allocated.
    if (stat.size !== bytes) {
      const message = `it has ${stat.size} bytes, and with ${requests} requests it must have ${bytes}`;
      throw new FlowFileError('WRONG_SIZE', message, file, Math.min(stat.size, bytes));
    }
    const table = readExactly(fd, file, tableOffset, chunks * CHECKSUM_BYTES);
    const view = new DataView(header.buffer);
    if (checksum(table, 0n) !== view.getBigUint64(FlowHeaderOffset.tableChecksum, true)) {
      throw new FlowFileError('CHECKSUM_MISMATCH', 'its checksums are damaged', file, tableOffset);
    }
    return { requests, checksums: new BigUint64Array(table.buffer) };
  });
}

/** Whether a file begins as a flow file does. @throws FlowFileError */
export function hasFlowMagic(file: string): boolean {
  return withFile(file, (fd) => {
    const bytes = readExactly(fd, file, FlowHeaderOffset.magic, FlowHeaderOffset.version);
    return new DataView(bytes.buffer).getUint32(0, true) === FLOW_MAGIC;
  });
}

/** Reads and verifies a chunk. @throws FlowFileError */
export function readFlowChunk(
  file: string,
  { requests, checksums }: FlowFileIndex,
  chunk: number,
): Uint8Array {
  const offset = FLOW_HEADER_BYTES + chunk * CHUNK_BYTES;
  const bytes = Math.min(CHUNK_BYTES, (requests - chunk * CHUNK_REQUESTS) * EVENT_BYTES);
  const found = withFile(file, (fd) => readExactly(fd, file, offset, bytes));
  if (checksum(found, 0n) !== checksums[chunk]) {
    const first = chunk * CHUNK_REQUESTS + 1;
    const message = `the requests from ${first} to ${first + bytes / EVENT_BYTES - 1} are damaged`;
    throw new FlowFileError('CHECKSUM_MISMATCH', message, file, offset);
  }
  return found;
}

/** @returns the number of requests */
function checkFlowHeader(header: Uint8Array, file: string): number {
  const view = new DataView(header.buffer);
  if (view.getUint32(FlowHeaderOffset.magic, true) !== FLOW_MAGIC) {
    throw new FlowFileError('NOT_A_FLOW', 'it does not begin as a flow file does', file);
  }
  const version = view.getUint16(FlowHeaderOffset.version, true);
  if (version !== FLOW_VERSION) {
    const message = `it is of version ${version}, and this reads version ${FLOW_VERSION}`;
    throw new FlowFileError('VERSION_UNKNOWN', message, file, FlowHeaderOffset.version);
  }
  const sum = view.getBigUint64(FlowHeaderOffset.headerChecksum, true);
  const requests = Number(view.getBigUint64(FlowHeaderOffset.requests, true));
  const chunkRequests = view.getUint32(FlowHeaderOffset.chunkRequests, true);
  const isSound =
    sum === headerChecksum(header, FlowHeaderOffset.headerChecksum) &&
    chunkRequests === CHUNK_REQUESTS &&
    requests * EVENT_BYTES < Number.MAX_SAFE_INTEGER / 2;
  if (!isSound) throw new FlowFileError('CHECKSUM_MISMATCH', 'its header is damaged', file);
  return requests;
}

function withFile<T>(file: string, work: (fd: number) => T): T {
  let fd: number;
  try {
    // Nobody waits for who may write to a fifo.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new FlowFileError('OPEN_FAILED', messageOf(error), file, 0, error);
  }
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function readExactly(fd: number, file: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    let read: number;
    try {
      read = readSync(fd, bytes, done, length - done, offset + done);
    } catch (error) {
      throw new FlowFileError('READ_FAILED', messageOf(error), file, offset + done, error);
    }
    if (read === 0) throw new FlowFileError('WRONG_SIZE', 'it ends too early', file, offset + done);
    done += read;
  }
  return bytes;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
