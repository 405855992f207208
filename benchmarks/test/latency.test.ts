import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { installed, WHERE_INSTALLED } from './support/setting.js';

describe.skipIf(!installed)(`latencies${WHERE_INSTALLED}`, async () => {
  if (!installed) return;
  const { filledEvent } = await import('../src/append.js');
  const { nowNs } = await import('../src/clock.js');
  const { LatencyRecord, pool, summarize } = await import('../src/latency.js');
  const { AppendCase } = await import('../src/tail-cases.js');

  test('are the differences of stamps, over the halves of their words', () => {
    const record = new LatencyRecord();
    record.recordStamps(new BigInt64Array([2n ** 32n - 5n, 2n ** 32n - 1n, 2n ** 32n + 99n, 2n ** 33n]));
    const { count, min, max } = record.distribution();
    expect({ count, min, max }).toEqual({ count: 3, min: 4, max: 2 ** 32 - 99 });
  });

  test('of several rounds are summed up as if they were of one', () => {
    const rounds = [0, 1, 2].map((round) => {
      const record = new LatencyRecord();
      for (let i = 0; i < 10_000; i++) if (i % 3 === round) record.record(i % 100);
      return record.distribution();
    });
    const all = new LatencyRecord();
    for (let i = 0; i < 10_000; i++) all.record(i % 100);
    expect(summarize(pool(rounds))).toEqual(summarize(all.distribution()));
  });

  test('of nothing are not measured', () => {
    expect(summarize(new LatencyRecord().distribution()).p50).toBeNaN();
  });

  test('at a fixed rate count from the intended start: a stall is charged to every event that it delays', () => {
    const periodNs = 10_000;
    const stallNs = 5_000_000;
    let appended = 0;
    const stalling = {
      append() {
        if (++appended !== 1000) return;
        for (const until = nowNs() + stallNs; nowNs() < until; );
      },
    };
    const one = new AppendCase(stalling as never, filledEvent(), { last: 0 });
    const latencies = new Float32Array(3000);
    one.paced(latencies, latencies.length, periodNs);
    // The next 500 were to start during the stall, 400 of them with more than 1 ms of it to come.
    expect(latencies.filter((ns) => ns > 1_000_000).length).toBeGreaterThanOrEqual(390);
  });
});

test.skipIf(!installed)(
  `latencies are taken without garbage: what collected it would be the tail${WHERE_INSTALLED}`,
  () => {
    const script = fileURLToPath(new URL('./support/collections.js', import.meta.url));
    const cases = new URL('../dist/tail-cases.js', import.meta.url).href;
    const { stdout, stderr } = spawnSync(process.execPath, [script, cases], { encoding: 'utf8' });
    const loads = stdout.trim().split('\n').map(Number);
    expect(loads, stderr).toHaveLength(30);
    // Until V8 has compiled the loops for the last time. One heap number or bigint for each latency would show in every load.
    expect(
      loads.slice(15).filter((collections) => collections > 0).length,
      loads.join(' '),
    ).toBeLessThanOrEqual(3);
  },
);
