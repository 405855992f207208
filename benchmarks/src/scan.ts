import path from 'node:path';
import { RecoveryManager } from '@fswal/recovery';
import { filledEvent } from './append.js';
import { type BenchGroup, benchRow } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { interleave } from './interleave.js';
import { record, replay } from './replay.js';
import { fillScanRivals } from './scan-rivals.js';
import { medianRatio } from './statistics.js';

const FULL = { events: 1_048_576, rounds: 5 };
const QUICK = { events: 8_192, rounds: 1 };
const OURS = '@fswal/recovery, next()';

/** All events in order and four fields of each, from open to close, beside stores that one might take instead. */
export async function benchScan({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup> {
  const { events, rounds } = quick ? QUICK : FULL;
  const log = path.join(dir, 'scan-log');
  progress(`storing ${events} events in each`);
  await record(log, events);
  const rivals = await fillScanRivals(dir, filledEvent(), events);
  const ours = {
    name: OURS,
    scan: async () => {
      const recovery = await RecoveryManager.open({ dir: log });
      const sum = replay(recovery, events);
      await recovery.close();
      return sum;
    },
  };
  const expected = await ours.scan();
  progress('reading');
  const values = await interleave(
    rounds,
    1,
    Object.fromEntries(
      [ours, ...rivals].map(({ name, scan }) => [
        name,
        async () => {
          const start = process.hrtime.bigint();
          const sum = await scan();
          const ns = Number(process.hrtime.bigint() - start) / events;
          if (sum !== expected) throw new Error(`${name} delivers other events than were stored`);
          return ns;
        },
      ]),
    ),
  );
  return {
    group: `scan of ${events} events (${fileSystem}, warm cache)`,
    rows: Object.entries(values).map(([name, ns]) => benchRow(name, ns)),
    ratios: rivals.map(({ name }) => ({
      name: `${name} / ${OURS}`,
      value: medianRatio(values[name], values[OURS]),
      target: '-',
      met: true,
    })),
  };
}
