import { MAX_BLOCKS_PER_SEGMENT, MIN_BLOCKS_PER_SEGMENT } from '@fswal/format';
import { InvalidArgumentError } from 'commander';
import type { CheckpointPace } from '../checkpoint/checkpointer.js';
import { MAX_INSTRUMENTS } from '../engine/instrument.js';

/** The most that a process can publish, and more than a year at a hundred a second. */
const MAX_EVENTS = 2 ** 31 - 1;

/** A week: samples have their room from the start. */
const MAX_MINUTES = 10_080;
/** A day. */
const MAX_CHECKPOINT_SECONDS = 86_400;
const MAX_KEPT_SEGMENTS = 1_000_000;
const MAX_USERS = 1_000_000;

export const parseEvents = wholeNumber(1, MAX_EVENTS);
export const parseKills = wholeNumber(1, 1_000_000);
export const parseSeed = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const parseBlocks = wholeNumber(MIN_BLOCKS_PER_SEGMENT, MAX_BLOCKS_PER_SEGMENT);

export const parseInstruments = wholeNumber(1, MAX_INSTRUMENTS);
export const parseInstrument = wholeNumber(0, MAX_INSTRUMENTS - 1);
export const parseUsers = wholeNumber(1, MAX_USERS);
export const parseTick = wholeNumber(1, 1_000_000);
export const parseMaxReports = wholeNumber(0, 1_000_000);

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

export const parseKeptCheckpoints = wholeNumber(1, 1000);

/** Events, or with an `s` seconds: `100000`, `2.5s`. */
export function parseCheckpointPace(text: string): CheckpointPace {
  if (!text.endsWith('s')) return { events: parseEvents(text) };
  const seconds = Number(text.slice(0, -1));
  if (!/^[\d.]+s$/.test(text) || !(seconds > 0 && seconds <= MAX_CHECKPOINT_SECONDS)) {
    throw new InvalidArgumentError(`Seconds must be a number above 0, up to ${MAX_CHECKPOINT_SECONDS}.`);
  }
  return { seconds };
}

/** Events per second: any number above 0. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() === '' || !Number.isFinite(rate) || rate <= 0) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return rate;
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
