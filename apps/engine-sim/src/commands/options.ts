import { MAX_BLOCKS_PER_SEGMENT, MIN_BLOCKS_PER_SEGMENT } from '@fswal/format';
import { InvalidArgumentError } from 'commander';

/** The most that a process can publish, and more than a year at a hundred a second. */
const MAX_EVENTS = 2 ** 31 - 1;

/** A week: samples have their room from the start. */
const MAX_MINUTES = 10_080;
const MAX_KEPT_SEGMENTS = 1_000_000;

export const parseEvents = wholeNumber(1, MAX_EVENTS);
export const parseKills = wholeNumber(1, 1_000_000);
export const parseSeed = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const parseBlocks = wholeNumber(MIN_BLOCKS_PER_SEGMENT, MAX_BLOCKS_PER_SEGMENT);

export const parseMaxSegments = wholeNumber(1, MAX_KEPT_SEGMENTS);
export const parseMaxCompressed = wholeNumber(0, MAX_KEPT_SEGMENTS);

/** Minutes, fractions too: above 0, up to a week. */
export function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (text.trim() === '' || !(minutes > 0 && minutes <= MAX_MINUTES)) {
    throw new InvalidArgumentError(`It must be a number above 0, up to ${MAX_MINUTES}.`);
  }
  return minutes;
}

/** Events per second: any number above 0. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() === '' || !Number.isFinite(rate) || rate <= 0) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return rate;
}

/** A parser of whole numbers in that range. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
