import { xxh64 } from './native.js';

/** XXH64 of `bytes`. */
export function checksum(bytes: Uint8Array, seed: bigint): bigint {
  return xxh64(bytes, seed);
}

/**
 * The checksum of a header that holds its own checksum at `checksumOffset`: XXH64 of the bytes after that field,
 * seeded with XXH64 (seed 0) of the bytes before it.
 */
export function headerChecksum(header: Uint8Array, checksumOffset: number): bigint {
  const before = xxh64(header.subarray(0, checksumOffset), 0n);
  return xxh64(header.subarray(checksumOffset + 8), before);
}
