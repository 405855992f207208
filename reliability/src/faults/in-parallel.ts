/** Runs `work` on every item, `lanes` at a time. @throws what the first one that failed threw, after all lanes stopped */
export async function inParallel<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T, index: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const run = async (lane: number): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        await work(items[index], index, lane);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => run(lane)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
