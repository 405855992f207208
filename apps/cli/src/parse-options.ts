import { MIN_BLOCKS_PER_SEGMENT } from '@fswal/format';
import { InvalidArgumentError } from 'commander';

const MAX_U64 = 2n ** 64n - 1n;
const MAX_EVENTS = 1_000_000_000;
/** A bench verifies a segment in one go: larger ones would keep Ctrl-C waiting. */
const MAX_BENCH_BLOCKS = 16_384;

export const parseLimit = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const parseEvents = wholeNumber(1, MAX_EVENTS);
export const parseBlocks = wholeNumber(MIN_BLOCKS_PER_SEGMENT, MAX_BENCH_BLOCKS);

/** An event id, or nanoseconds: u64. */
export function parseU64(text: string): bigint {
  if (/^\d{1,20}$/.test(text) && BigInt(text) <= MAX_U64) return BigInt(text);
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_U64}.`);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
