/* Small damage to bytes in place, or to a copy where the length changes. */

export function flip(bytes: Uint8Array, offset: number, xor = 1): Uint8Array {
  bytes[offset] ^= xor;
  return bytes;
}

export function zero(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.fill(0, start, end);
}

/** The first `length` bytes. */
export function cut(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.slice(0, length);
}

export function append(bytes: Uint8Array, more: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + more.length);
  longer.set(bytes);
  longer.set(more, bytes.length);
  return longer;
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
