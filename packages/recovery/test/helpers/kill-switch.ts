import fs from 'node:fs';
import { vi } from 'vitest';

/** What a killed process would not have done any more. */
export class Killed extends Error {}

const CHANGING = [
  'writeSync',
  'renameSync',
  'linkSync',
  'rmSync',
  'fdatasyncSync',
  'fsyncSync',
  'openSync',
] as const;

/**
 * Runs `action` and kills it before its `step`-th call that changes a file: from there on every such call throws, so
 * that no clean-up changes anything either.
 * @returns how many such calls were made, and the error it ended with
 */
export function runUntil(step: number, action: () => void): { steps: number; error: unknown } {
  let steps = 0;
  const spies = CHANGING.map((name) => {
    const real = fs[name] as (...args: unknown[]) => unknown;
    return vi.spyOn(fs, name as 'openSync').mockImplementation(((...args: unknown[]) => {
      const changes = name !== 'openSync' || (Number(args[1]) & fs.constants.O_CREAT) !== 0;
      if (changes && steps++ >= step) throw new Killed();
      return real.apply(fs, args);
    }) as typeof fs.openSync);
  });
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  for (const spy of spies) spy.mockRestore();
  return { steps, error };
}
