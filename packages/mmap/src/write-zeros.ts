import { fstatSync, readSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1 << 20;
/** The finest grain at which file systems leave holes. */
const PAGE_BYTES = 4096;
/** What `stats.blocks` counts, on every file system. */
const STAT_BLOCK_BYTES = 512;

/**
 * Makes the first `bytes` of a file take real blocks by writing zeros: beyond its end, and into its holes. Nobody
 * else may write to the file meanwhile.
 * @throws the error of the system call
 */
export function writeZeros(fd: number, bytes: number): void {
  const { size, blocks } = fstatSync(fd);
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(bytes, PAGE_BYTES)));
  // Fewer blocks than bytes: holes, or a file system that compresses, where this does no harm.
  if (blocks * STAT_BLOCK_BYTES < Math.min(size, bytes)) fillHoles(fd, Math.min(size, bytes), zeros);
  writeAll(fd, zeros, size, bytes);
}

/** Writes zeros over every page that reads as zeros. */
function fillHoles(fd: number, end: number, zeros: Buffer): void {
  const chunk = Buffer.allocUnsafe(zeros.length);
  for (let at = 0; at < end; ) {
    const got = readSync(fd, chunk, 0, Math.min(chunk.length, end - at), at);
    if (got === 0) return;
    for (let page = 0; page < got; page += PAGE_BYTES) {
      const pageEnd = Math.min(page + PAGE_BYTES, got);
      if (chunk.compare(zeros, 0, pageEnd - page, page, pageEnd) === 0) {
        writeAll(fd, zeros, at + page, at + pageEnd);
      }
    }
    at += got;
  }
}

function writeAll(fd: number, zeros: Buffer, start: number, end: number): void {
  // A short write is followed by one that says why.
  for (let at = start; at < end; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, end - at), at);
}
