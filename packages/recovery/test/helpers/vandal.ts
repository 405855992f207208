import fs from 'node:fs';

/** Flips the bits of one byte. */
export function flip(file: string, offset: number): void {
  const bytes = fs.readFileSync(file);
  bytes[offset] ^= 0xff;
  fs.writeFileSync(file, bytes);
}

/** Cuts the file to `length` bytes. */
export function cut(file: string, length: number): void {
  fs.truncateSync(file, length);
}

/** Zeroes the bytes from `start` up to `end`. */
export function zero(file: string, start: number, end: number): void {
  const bytes = fs.readFileSync(file);
  bytes.fill(0, start, end);
  fs.writeFileSync(file, bytes);
}
