import fs from 'node:fs';
import { vi } from 'vitest';

/** What a killed process would not have done any more. */
export class Killed extends Error {}

const CHANGING = [
  'writeSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'fdatasyncSync',
  'fsyncSync',
  'openSync',
] as const;

/** Counts the calls that change a file, and lets none through from one of them on. */
class KillSwitch {
  steps = 0;
  readonly #spies: { mockRestore(): void }[];

  constructor(step: number) {
    this.#spies = CHANGING.map((name) => {
      const real = fs[name] as (...args: unknown[]) => unknown;
      return vi.spyOn(fs, name as 'openSync').mockImplementation(((...args: unknown[]) => {
        const changes = name !== 'openSync' || (Number(args[1]) & fs.constants.O_CREAT) !== 0;
        if (changes && this.steps++ >= step) throw new Killed();
        return real.apply(fs, args);
      }) as typeof fs.openSync);
    });
  }

  lift(): void {
    for (const spy of this.#spies) spy.mockRestore();
  }
}

/**
 * Runs `action` and kills it before its `step`-th call that changes a file: from there on every such call throws, so
 * that no clean-up changes anything either. What native code does between two calls (allocating blocks) is not seen.
 *
 * @returns how many such calls were made, and the error it ended with
 */
export function runUntil(step: number, action: () => void): { steps: number; error: unknown } {
  const kill = new KillSwitch(step);
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  kill.lift();
  return { steps: kill.steps, error };
}

/** The same of what takes its time. */
export async function runUntilAsync(
  step: number,
  action: () => Promise<unknown>,
): Promise<{ steps: number; error: unknown }> {
  const kill = new KillSwitch(step);
  const error = await action().then(
    () => undefined,
    (caught: unknown) => caught,
  );
  kill.lift();
  return { steps: kill.steps, error };
}
