import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRunRecord, RunRecordError, readRunRecord } from '../src/report/read-run-record.js';
import { renderReport } from '../src/report/report-document.js';
import { runReport } from '../src/report/run-report.js';
import type { RunRecord } from '../src/run/run-record.js';
import { sampleRun } from './support/run-record.js';

const dir = mkdtempSync(join(tmpdir(), 'engine-sim-report-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What breaks out of text, of attributes, of scripts and of comments. */
const HOSTILE = `"'><img src=x onerror=alert(1)></title></style><script>alert(2)</script><!--</script>${'\u2028'}`;

function dataOf(html: string): { figures: { kind: string; lines?: { name: string }[] }[] } {
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]);
}

describe('the report of a run', () => {
  it('names the command line as it is typed', () => {
    const options = { dir: '/tmp/log', kills: false, full: true, seed: 1 };
    expect(runReport([{ ...sampleRun(), command: 'soak', options }])).toContain(
      'engine-sim soak --dir /tmp/log --no-kills --full --seed 1 — ',
    );
  });

  it('has plots of all that was measured, timelines, tables, options and machine', () => {
    const html = runReport([sampleRun()]);
    expect(dataOf(html).figures.map(({ kind }) => kind)).toEqual([
      ...Array(4).fill('percentiles'),
      ...Array(6).fill('lines'),
      'segments',
    ]);
    for (const text of [
      'No event was lost.',
      'A Processor',
      'ext2/3/4',
      '--kills 2',
      '47,000',
      'p99.99',
      'SIGKILL',
    ]) {
      expect(html).toContain(text);
    }
  });

  it('lays several runs over each other, and tells those of one command apart', () => {
    const html = runReport([
      sampleRun(),
      sampleRun({ startedAt: '2026-02-03T04:05:06.000Z' }),
      sampleRun({ command: 'soak' }),
    ]);
    const [append] = dataOf(html).figures;
    expect(append.lines?.map(({ name }) => name)).toEqual([
      '1: crash 2026-01-02 03:04:05',
      '2: crash 2026-02-03 04:05:06',
      'soak',
    ]);
  });

  it('names runs of one command by the options in which they differ', () => {
    const html = runReport([
      sampleRun({ options: { seed: 1, rate: 5 } }),
      sampleRun({ options: { seed: 1 } }),
    ]);
    const [append] = dataOf(html).figures;
    expect(append.lines?.map(({ name }) => name)).toEqual(['crash, rate 5', 'crash, rate -']);
  });

  it('leaves out what was not measured', () => {
    const empty = sampleRun({ distributions: {}, segments: [], incidents: [], results: [], verdict: null });
    const html = runReport([empty]);
    expect(html).not.toContain('<h2>Percentiles');
    expect(html).not.toContain('<h2>Segments');
    expect(html).not.toContain('<h2>Result');
  });

  it('loads nothing, and runs and styles only what is inside, by its hash', () => {
    const html = runReport([sampleRun()]);
    expect(html).not.toMatch(/<(?:link|script|img|iframe)[^>]+(?:src|href)="(?!data:)/);
    expect(html).not.toMatch(/url\(|@import/);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/
      .exec(html)![1]
      .replaceAll('&#39;', "'");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    for (const name of ['script', 'style']) {
      const text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(html)![1];
      expect(policy).toContain(`${name}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    }
  });

  it('shows hostile texts as texts, wherever they stand', () => {
    const run = sampleRun({
      command: HOSTILE,
      options: { [HOSTILE]: HOSTILE },
      machine: { cpu: HOSTILE, cores: 2, kernel: HOSTILE, node: HOSTILE, fileSystem: HOSTILE },
      results: [[HOSTILE, HOSTILE]],
      verdict: { sound: false, text: HOSTILE },
      incidents: [{ second: 1, kind: 'killed', eventId: 1, lost: 1, text: HOSTILE }],
    });
    const html = runReport([run, run]);
    expect(html).not.toContain('<img');
    expect(html).not.toContain('alert(2)</script>');
    // The data and the program, and nothing that was smuggled in.
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(dataOf(html).figures[0].lines?.[0].name).toContain(HOSTILE);
  });

  it('is bounded: a run with as much as a record can have is below 2 MB', () => {
    const segments = Array.from({ length: 1024 }, (_, i) => ({
      segmentIndex: i,
      prepared: i / 7,
      active: i / 3,
      persisted: i / 2,
    }));
    const incidents = Array.from({ length: 1000 }, (_, i) => ({
      second: i / 7,
      kind: 'killed' as const,
      eventId: i * 1_000_003,
      lost: 0,
      text: 'SIGKILL after many events',
    }));
    expect(Buffer.byteLength(runReport([sampleRun({ segments, incidents })]))).toBeLessThan(2_000_000);
  });

  it('is made of a document of any sections, too', () => {
    const html = renderReport({
      title: 'Benchmarks',
      sections: [
        { title: 'empty', figures: [], tables: [] },
        { title: 'ring', tables: [{ title: 'Medians', head: ['', 'time'], rows: [['push', '12 ns']] }] },
      ],
    });
    expect(html).toContain('<h2>ring</h2>');
    expect(html).not.toContain('<h2>empty</h2>');
  });
});

describe('the data of a run', () => {
  it('comes back as it was written', () => {
    const run = sampleRun();
    expect(parseRunRecord(JSON.stringify(run), 'run.json')).toEqual(run);
  });

  const broken: readonly (readonly [string, (run: Record<string, unknown>) => void, string])[] = [
    [
      'another format',
      (run) => {
        run.format = 'x';
      },
      'format is not fswal-run',
    ],
    [
      'a later version',
      (run) => {
        run.version = 2;
      },
      'its version is 2, this engine-sim reads 1',
    ],
    [
      'no machine',
      (run) => {
        delete run.machine;
      },
      'machine is not an object',
    ],
    [
      'a verdict of no kind',
      (run) => {
        run.verdict = { sound: 'yes', text: '' };
      },
      'verdict',
    ],
    [
      'an option that is a list',
      (run) => {
        run.options = { a: [1] };
      },
      'the option a is object',
    ],
    [
      'buckets that fall',
      (run) => {
        run.distributions = {
          append: {
            count: 2,
            min: 1,
            max: 2,
            buckets: [
              [2, 1],
              [1, 1],
            ],
          },
        };
      },
      'do not rise',
    ],
    [
      'buckets that hold less than they should',
      (run) => {
        run.distributions = {
          append: {
            count: 3,
            min: 1,
            max: 2,
            buckets: [
              [1, 1],
              [2, 1],
            ],
          },
        };
      },
      'count of append',
    ],
    [
      'a column that is too short',
      (run) => {
        (run.series as { columns: Record<string, unknown> }).columns.lagMs = [1];
      },
      'the column lagMs has 1 values',
    ],
    [
      'seconds that fall',
      (run) => {
        (run.series as { seconds: number[] }).seconds.reverse();
      },
      'seconds of the series do not rise',
    ],
    [
      'a segment without states',
      (run) => {
        run.segments = [{ segmentIndex: 1 }];
      },
      'a segment has no state',
    ],
    [
      'a state that is no number',
      (run) => {
        run.segments = [{ segmentIndex: 1, active: 'x' }];
      },
      'active is not a number',
    ],
    [
      'an incident of another kind',
      (run) => {
        run.incidents = [{ kind: 'party' }];
      },
      'of kind party',
    ],
    [
      'results that are no pairs',
      (run) => {
        run.results = [['a']];
      },
      'a result is not a name and a value',
    ],
  ];

  it.each(broken)('is refused with %s', (_, damage, reason) => {
    const run = JSON.parse(JSON.stringify(sampleRun())) as Record<string, unknown>;
    damage(run);
    expect(() => parseRunRecord(JSON.stringify(run), 'run.json')).toThrow(RunRecordError);
    expect(() => parseRunRecord(JSON.stringify(run), 'run.json')).toThrow(reason);
  });

  it.each(['', '{', 'null', '[]', '"x"', '17'])('is refused where it is %j', (text) => {
    expect(() => parseRunRecord(text, 'run.json')).toThrow(/^run.json is not what --save-run writes: /);
  });

  it('is refused by its size, without being read', () => {
    const file = join(dir, 'large.json');
    writeFileSync(file, '');
    truncateSync(file, 2 ** 34);
    expect(() => readRunRecord(file)).toThrow('it has 17179869184 bytes');
  });

  it('has no field that JSON does not bring back', () => {
    const run: RunRecord = sampleRun();
    expect(JSON.parse(JSON.stringify(run))).toEqual(run);
  });
});
