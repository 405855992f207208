/** Two processes at a time, as there are processors. */
export const LANES = 2;

/**
 * Runs the steps 0, 1, ... `steps` - 1, a few at a time. Where one fails no further ones begin; those that run are waited
 * for, so that none outlives its test.
 * @throws the first error
 */
export async function inLanes(
  steps: number,
  run: (step: number) => Promise<void>,
  lanes = LANES,
): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  const lane = async () => {
    while (next < steps && errors.length === 0) {
      await run(next++).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (errors.length > 0) throw errors[0];
}
