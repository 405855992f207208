/* Small damage to the files of a log. */
import fs from 'node:fs';

export function flip(file: string, offset: number, xor = 1): void {
  change(file, (bytes) => {
    bytes[offset] ^= xor;
  });
}

export function zero(file: string, start: number, end: number): void {
  change(file, (bytes) => {
    bytes.fill(0, start, end);
  });
}

export function cut(file: string, length: number): void {
  fs.truncateSync(file, length);
}

function change(file: string, edit: (bytes: Buffer) => void): void {
  const bytes = fs.readFileSync(file);
  edit(bytes);
  fs.writeFileSync(file, bytes);
}

/** A repeatable source of numbers below `limit` (mulberry32). */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

/** A seed that differs from run to run unless FSWAL_SEED sets it. Print it with what fails. */
export function freshSeed(): number {
  return Number(process.env.FSWAL_SEED ?? Math.floor(Math.random() * 2 ** 31));
}
