// What must hold of every snapshot of the metrics that write.js writes.
import { LEVELS, STEP } from './layout.js';

/**
 * @param {import('../../src/index.js').Snapshot<typeof import('./layout.js').layout>} snapshot
 * @returns {string[]} the complaints
 */
export function complaints({ events, level, sync, write, loop, append }) {
  /** @type {string[]} */
  const wrong = [];
  /** @type {(holds: boolean, what: string) => void} */
  const expect = (holds, what) => {
    if (!holds) wrong.push(what);
  };
  expect(Number.isInteger(events / STEP), `counter ${events}`);
  expect(LEVELS.includes(level), `gauge ${level}`);
  for (const [name, { count, sum, min, max }] of Object.entries({ sync, write, append })) {
    expect(max === count, `${name}: max ${max} of ${count}`);
    expect(min === Math.min(count, 1), `${name}: min ${min}`);
    expect(sum === (count * (count + 1)) / 2, `${name}: sum ${sum} of ${count}`);
  }
  // Each is recorded after the other: half a record would show as one more or less.
  const failed = write.count - write.failures;
  expect(failed === 0 || failed === 1, `write: ${write.failures} failures of ${write.count}`);
  expect(loop.active === (loop.loops * (loop.loops + 1)) / 2, `loop: active ${loop.active} of ${loop.loops}`);
  const waiting = loop.idle - 2 * loop.active;
  expect(waiting === 0 || waiting === 2 * (loop.loops + 1), `loop: idle ${loop.idle} of ${loop.loops}`);
  const held = append.buckets.reduce((total, [, count]) => total + count, 0);
  expect(held === append.count, `buckets hold ${held} of ${append.count}`);
  const order = [append.min, append.p50, append.p90, append.p99, append.p999, append.p9999, append.max];
  expect(
    order.every((ns, i) => i === 0 || ns >= order[i - 1]),
    `percentiles ${order}`,
  );
  const median = append.count / 2;
  expect(
    append.count < 1000 || Math.abs(append.p50 / median - 1) < 0.01,
    `p50 ${append.p50} of ${append.count}`,
  );
  return wrong;
}
