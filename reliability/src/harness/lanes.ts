/** Two processes at a time, as there are processors. */
export const LANES = 2;

/**
 * Runs the steps 0, 1, ... `steps` - 1, a few at a time. Where one fails no further ones begin; those that run are waited
 * for, so that none outlives its test.
 * @param run is told which lane it runs in too: two steps in the same one never run at once
 * @throws the first error
 */
export async function inLanes(
  steps: number,
  run: (step: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  const follow = async (lane: number) => {
    while (next < steps && errors.length === 0) {
      await run(next++, lane).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, lane) => follow(lane)));
  if (errors.length > 0) throw errors[0];
}
