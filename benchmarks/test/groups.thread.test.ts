/* The groups that are named on their own, each in seconds: that they run and what they return, not how fast anything is. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { BenchGroup } from '../src/bench-group.js';
import type { BenchRun } from '../src/bench-run.js';
import { makePlace } from '../src/place.js';
import { installed, WHERE_INSTALLED } from './support/setting.js';

const base = mkdtempSync(join(tmpdir(), 'fswal-bench-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe.skipIf(!installed)(`with --quick${WHERE_INSTALLED}`, async () => {
  if (!installed) return;
  const { GROUPS } = await import('../src/groups.js');

  /** What a group returns, as --json shows it. */
  async function measure(name: string, plotFile?: string): Promise<BenchGroup[]> {
    const places = [makePlace(base)];
    const said: string[] = [];
    const run: BenchRun = {
      ...places[0],
      quick: true,
      // Not tmpfs, but a second place like any other.
      tmpfs: () => {
        places.push(makePlace(base));
        return places[1];
      },
      plotFile,
      progress: (text) => said.push(text),
    };
    try {
      const measured = await GROUPS[name].run(run);
      expect(said.length).toBeGreaterThan(0);
      return JSON.parse(JSON.stringify(Array.isArray(measured) ? measured : [measured]));
    } finally {
      for (const place of places) place.remove();
      expect(places.filter(({ dir }) => existsSync(dir))).toEqual([]);
    }
  }

  function expectRising(group: BenchGroup): void {
    for (const { name, count, p50, p99, p999, p9999, max } of group.latencies ?? []) {
      expect(count, name).toBeGreaterThan(0);
      const percentiles = [p50, p99, p999, p9999, max];
      expect(percentiles, name).toEqual(percentiles.toSorted((a, b) => a - b));
    }
  }

  test('tail: three cases, untimed, in bursts and at three rates, in both places, and a plot', async () => {
    const plotFile = join(base, 'tail.svg');
    const groups = await measure('tail', plotFile);
    expect(groups).toHaveLength(2);
    for (const group of groups) {
      expect(group.rows).toHaveLength(3);
      expect(group.latencies?.map(({ name }) => name.split(':')[0])).toEqual(
        ['burst', '0.1 M/s', '1 M/s', '5 M/s'].flatMap((load) => [load, load, load]),
      );
      expectRising(group);
      const targets = group.ratios.map(({ target }) => target);
      expect(targets.slice(0, 2)).toEqual(['at most 2', 'at most 2.5']);
      expect(targets.slice(2)).toEqual(Array(8).fill(['at most 1.3', 'at most 2']).flat());
      for (const { value } of group.ratios) expect(value).toBeGreaterThan(0);
    }
    const svg = readFileSync(plotFile, 'utf8');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg.match(/<polyline /g)).toHaveLength(2 * 4 * 3);
  });

  test('tail-ring: each place with each size, in bursts, after a write-back and at a fixed rate', async () => {
    const [group] = await measure('tail-ring');
    const names = group.latencies?.map(({ name }) => name) ?? [];
    expect(new Set(names).size).toBe(names.length);
    const places = 3;
    const sizes = 2;
    const count = (load: string) => names.filter((name) => name.startsWith(load)).length;
    expect(count('burst: ')).toBe(places * sizes);
    // A plain array is not written back.
    expect(count('burst after a write-back: ')).toBe((places - 1) * sizes);
    expect(count('5 M/s: ')).toBe(places * sizes);
    expect(names.filter((name) => name.endsWith(', 256 blocks'))).toHaveLength(2 * places + places - 1);
    expectRising(group);
  });

  test('group: each committer with 1, 16 and 256 who wait, the log beside each', async () => {
    const [group] = await measure('group');
    const names = group.rows.map(({ name }) => name.trim());
    for (const waiters of [1, 16, 256]) {
      expect(names).toContain(`${waiters} waiting: append + waitDurable`);
      expect(names).toContain(`${waiters} waiting: lmdb (put)`);
    }
    expect(group.latencies).toHaveLength(group.rows.length);
    expect(group.ratios).toHaveLength(group.rows.length - 3);
    expectRising(group);
    for (const { name, perSec } of group.rows) expect(perSec, name).toBeGreaterThan(0);
  });

  test('telemetry: the default beside none, for both ways to append', async () => {
    const [group] = await measure('telemetry');
    const names = group.rows.map(({ name }) => name);
    for (const way of ['append', 'claim + commit']) {
      expect(names).toContain(`${way}, never timed`);
      expect(names).toContain(`${way}, timed 1 in 4096 (default)`);
    }
    expect(group.ratios.map(({ target }) => target)).toEqual(['at most 1.05', 'at most 1.05']);
    for (const { value } of group.ratios) expect(value).toBeGreaterThan(0);
  });

  test('sustained: the log and plain files, a rate and an amplification for each log', async () => {
    const [group] = await measure('sustained');
    expect(group.rows.map(({ name }) => name.split(',')[0])).toEqual([
      'log',
      'log',
      'plain new file',
      'plain new file',
      'plain file written before',
      'plain file written before',
    ]);
    for (const { note } of group.rows) expect(note).toMatch(/^\d+ MB\/s/);
    expect(group.ratios.map(({ target }) => target)).toEqual([
      'at least 0.8',
      'at least 0.8',
      'at most 1.3',
      'at most 1.3',
    ]);
  });

  test('steady: files are used again in format version 2, and never in version 1', async () => {
    const [group] = await measure('steady');
    const recycled = group.rows.map(({ note }) =>
      Number(/; (\d+) of \d+ segments made/.exec(note ?? '')?.[1]),
    );
    expect(recycled).toHaveLength(2);
    expect(recycled[0]).toBeGreaterThan(0);
    expect(recycled[1]).toBe(0);
    expect(group.ratios[0].target).toBe('at most 20');
  });
});
