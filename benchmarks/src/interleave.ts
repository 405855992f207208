/** Runs each case once per round, in turn, so that a drift of the machine meets all alike. Values are what cases return. */
export async function interleave(
  rounds: number,
  warmUpRounds: number,
  cases: Readonly<Record<string, () => number | Promise<number>>>,
): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const value = await run();
      if (round >= 0) values[name].push(value);
    }
  }
  return values;
}

/** Nanoseconds that `run` takes, each of `count` times. */
export function nsPer(count: number, run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / count;
}
