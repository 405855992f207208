import {
  RUN_FORMAT,
  RUN_VERSION,
  type RunRecord,
  SERIES_NAMES,
  type SeriesRow,
} from '../../src/run/run-record.js';
import { SegmentLives } from '../../src/run/segment-lives.js';
import { TimeSeries } from '../../src/run/time-series.js';

const SECONDS = 60;

/** The record of a run of a minute that was killed twice, with something of everything. */
export function sampleRun(changes: Partial<RunRecord> = {}, segments = 40): RunRecord {
  const series = new TimeSeries({ capacity: 1200, whenFull: 'halve' });
  for (let second = 0; second < SECONDS; second += 0.1) {
    const isDead = second % 25 > 22;
    const cells = SERIES_NAMES.map((name, i) => [
      name,
      isDead ? null : 1000 * (i + 1) * (1.5 + Math.sin(second / (i + 2))),
    ]);
    const replayed = second % 25 > 23 ? 5e6 : null;
    series.add({
      ...Object.fromEntries(cells),
      ringPercent: isDead ? null : 40,
      replayed,
      second,
    } as SeriesRow);
  }
  const lives = new SegmentLives();
  for (let segmentIndex = 0; segmentIndex < segments; segmentIndex++) {
    const begin = (segmentIndex * SECONDS) / segments;
    lives.take({ segmentIndex, state: 'prepared', second: Math.max(0, begin - 2) });
    lives.take({ segmentIndex, state: 'active', second: begin });
    lives.take({ segmentIndex, state: 'sealed', second: begin + 1.5 });
    lives.take({ segmentIndex, state: 'persisted', second: begin + 2 });
    if (begin + 12 < SECONDS) lives.take({ segmentIndex, state: 'compressed', second: begin + 12 });
    if (begin + 30 < SECONDS) lives.take({ segmentIndex, state: 'deleted', second: begin + 30 });
  }
  const buckets = Array.from(
    { length: 200 },
    (_, i) => [20 * 1.06 ** i, Math.ceil(1e6 * 0.93 ** i)] as const,
  );
  const count = buckets.reduce((sum, [, held]) => sum + held, 0);
  const distribution = { count, min: buckets[0][0], max: buckets[199][0], buckets };
  return {
    format: RUN_FORMAT,
    version: RUN_VERSION,
    command: 'crash',
    options: { dir: '/tmp/log', kills: 2, seed: 1 },
    startedAt: '2026-01-02T03:04:05.678Z',
    seconds: SECONDS,
    machine: {
      cpu: 'A Processor',
      cores: 2,
      kernel: 'Linux 6.1 x64',
      node: 'v20.20.0',
      fileSystem: 'ext2/3/4',
    },
    distributions: {
      append: distribution,
      rotation: distribution,
      fdatasync: distribution,
      replay: distribution,
    },
    series: series.data(),
    segments: lives.list(),
    segmentStride: lives.stride,
    incidents: [22, 47].flatMap((second) => [
      { second, kind: 'killed', eventId: 1000 * second, lost: 0, text: 'SIGKILL' },
      { second: second + 3, kind: 'recovered', eventId: 1000 * second, lost: 0, text: 'as it should be' },
    ]),
    totals: { appended: 47_000, kills: 2, recoveries: 2, lost: 0 },
    results: [
      ['appends returned', '47,000'],
      ['lost', '0'],
    ],
    verdict: { sound: true, text: 'No event was lost.' },
    ...changes,
  };
}
