import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';

const READ_BYTES = 262_144;
const GZIP_MAGIC = [0x1f, 0x8b] as const;
/** Market data shrinks to a quarter, to a tenth at best; what grows by more than this is no market data. */
const MAX_RATIO = 100;
const FREE_BYTES = 64 * 1024 * 1024;

/** Market data that cannot be had. The message names the file and says what is wrong. */
export class MarketDataFileError extends Error {
  override readonly name = 'MarketDataFileError';
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(`${file}: ${message}`, { cause });
    this.file = file;
  }
}

/**
 * The bytes of a file, piece by piece, unpacked where it begins as gzip does: never more than some pieces of it are in
 * memory. @throws MarketDataFileError
 */
export async function* readMarketData(file: string): AsyncGenerator<Buffer> {
  const raw: AsyncIterator<Buffer> = createReadStream(file, { highWaterMark: READ_BYTES })[
    Symbol.asyncIterator
  ]();
  try {
    const head = await readHead(raw);
    yield* GZIP_MAGIC.every((byte, i) => head[i] === byte) ? unpack(file, head, raw) : resume(head, raw);
  } catch (error) {
    if (error instanceof MarketDataFileError) throw error;
    throw new MarketDataFileError(file, describe(error), error);
  } finally {
    await raw.return?.();
  }
}

/** At least the bytes that tell gzip from anything else, where there are so many. */
async function readHead(raw: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < GZIP_MAGIC.length) {
    const { value, done } = await raw.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* resume(head: Buffer, raw: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await raw.next(); next.done !== true; next = await raw.next()) yield next.value;
}

async function* unpack(file: string, head: Buffer, raw: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const packed = Readable.from(resume(head, raw), { objectMode: false });
  // An error of either reaches whoever reads the last one: there is nothing else to do about it.
  const unpacked: Gunzip = pipeline(packed, createGunzip({ chunkSize: READ_BYTES }), () => {});
  let bytes = 0;
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > FREE_BYTES + MAX_RATIO * unpacked.bytesWritten) {
      const message = `it unpacks to more than ${MAX_RATIO} times its size: that is no market data`;
      throw new MarketDataFileError(file, message);
    }
    yield piece;
  }
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') return 'the gzip file ends too early: it is cut short';
  if (code?.startsWith('Z_') === true) return `the gzip file is damaged: ${message}`;
  return message;
}
