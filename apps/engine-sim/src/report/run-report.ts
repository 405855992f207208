import { EMPTY_DISTRIBUTION, summaryOf } from '../measure/distributions.js';
import type { ChartMark, Line } from '../page/line-chart.js';
import { commandLine } from '../run/command-line.js';
import { formatCount, formatNs, formatSeconds } from '../run/figures.js';
import {
  DISTRIBUTION_NAMES,
  type DistributionName,
  PERCENTS,
  type RunRecord,
  type SeriesName,
} from '../run/run-record.js';
import { type ReportFigure, type ReportSection, type ReportTable, renderReport } from './report-document.js';

/** What is measured, in words. */
const MEASURED: Readonly<Record<DistributionName, string>> = {
  append: 'Append: one event, on the engine’s thread',
  rotation: 'Rotation: from one segment to the next, on the writer’s thread',
  fdatasync: 'fdatasync: bringing a segment to the device',
  replay: 'Replay: one event, verified',
};

/** A run, and what it is called beside others. */
interface NamedRun {
  readonly name: string;
  readonly run: RunRecord;
}

/** The report of one run, or of several, laid over each other. */
export function runReport(records: readonly RunRecord[]): string {
  const runs = nameRuns(records);
  const [first] = records;
  const isOne = records.length === 1;
  return renderReport({
    title: isOne ? `engine-sim ${first.command}` : `engine-sim: ${records.length} runs compared`,
    about: runs.map(({ name, run }) => describeRun(isOne ? undefined : name, run)),
    verdict: isOne ? (first.verdict ?? undefined) : undefined,
    sections: [
      resultsSection(runs),
      percentilesSection(runs),
      timeSection(runs),
      segmentsSection(runs),
      incidentsSection(runs),
      conditionsSection(runs),
    ],
  });
}

/**
 * By their commands; those of one command by the options in which they differ, and where that leaves two of one name, by
 * number and time.
 */
function nameRuns(records: readonly RunRecord[]): NamedRun[] {
  const names = records.map((run) => nameByOptions(run, records));
  return records.map((run, index) => {
    const name = names[index];
    const isAlone = names.filter((other) => other === name).length === 1;
    return { run, name: isAlone ? name : `${index + 1}: ${name} ${shortDate(run.startedAt)}` };
  });
}

function nameByOptions(run: RunRecord, records: readonly RunRecord[]): string {
  const others = records.filter(({ command }) => command === run.command);
  const options = [...new Set(others.flatMap((other) => Object.keys(other.options)))];
  const differing = options.filter((option) =>
    others.some((other) => other.options[option] !== run.options[option]),
  );
  return [run.command, ...differing.map((option) => `${option} ${run.options[option] ?? '-'}`)].join(', ');
}

function describeRun(name: string | undefined, run: RunRecord): string {
  const begin = `${shortDate(run.startedAt)} UTC, ${formatSeconds(run.seconds)}`;
  return `${name === undefined ? '' : `${name} — `}${commandLine(run)} — ${begin}`;
}

function shortDate(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

function resultsSection(runs: readonly NamedRun[]): ReportSection {
  const names = [...new Set(runs.flatMap(({ run }) => run.results.map(([name]) => name)))];
  const resultOf = (run: RunRecord, name: string): string =>
    run.results.find(([other]) => other === name)?.[1] ?? '-';
  const table: ReportTable = {
    title: 'What the command printed',
    head: runs.length === 1 ? [] : ['', ...runs.map(({ name }) => name)],
    rows: names
      .filter((name) => name !== '')
      .map((name) => [name, ...runs.map(({ run }) => resultOf(run, name))]),
    words: true,
  };
  return { title: 'Result', tables: [table] };
}

function percentilesSection(runs: readonly NamedRun[]): ReportSection {
  const distributionOf = (run: RunRecord, name: DistributionName) =>
    run.distributions[name] ?? EMPTY_DISTRIBUTION;
  const figures = DISTRIBUTION_NAMES.map(
    (measured): ReportFigure => ({
      kind: 'percentiles',
      title: MEASURED[measured],
      lines: runs.map(({ name, run }) => ({ name, distribution: distributionOf(run, measured) })),
    }),
  );
  const rows = DISTRIBUTION_NAMES.flatMap((measured) =>
    runs
      .map(({ name, run }) => ({ name, distribution: distributionOf(run, measured) }))
      .filter(({ distribution }) => distribution.count > 0)
      .map(({ name, distribution }) => [
        runs.length === 1 ? measured : `${measured}, ${name}`,
        ...summaryOf(distribution).map((ns) => (ns === null ? '-' : formatNs(ns))),
        formatCount(distribution.count),
      ]),
  );
  return {
    title: 'Percentiles',
    text: 'Each further nine is as wide as the one before, and both axes are logarithmic. Appends are sampled, as the count says, and each sample includes a reading of the clock.',
    figures,
    tables: [
      { title: 'In figures', head: ['', ...PERCENTS.map((percent) => `p${percent}`), 'max', 'count'], rows },
    ],
  };
}

function timeSection(runs: readonly NamedRun[]): ReportSection {
  const marks: ChartMark[] =
    runs.length === 1 ? runs[0].run.incidents.map(({ second, kind }) => ({ second, kind })) : [];
  const linesOf = (...columns: readonly (readonly [column: SeriesName, name: string])[]): Line[] =>
    runs.flatMap(({ name: runName, run }) =>
      columns
        .map(([column, name]) => ({
          name: runs.length === 1 ? name : `${runName}: ${name}`,
          seconds: run.series.seconds,
          values: run.series.columns[column],
        }))
        .filter(({ values }) => values.some((value) => value !== null)),
    );
  const figures: ReportFigure[] = [
    {
      kind: 'lines',
      title: 'Throughput, events a second',
      wide: true,
      unit: 'events/s',
      lines: linesOf(['appended', 'appended'], ['replayed', 'replayed']),
      marks,
    },
    {
      kind: 'lines',
      title: 'Watermark lag: events appended and not yet durable',
      unit: 'events',
      lines: linesOf(['lagEvents', 'lag']),
      marks,
    },
    {
      kind: 'lines',
      title: 'Watermark lag: age of the durable event',
      unit: 'ms',
      lines: linesOf(['lagMs', 'lag']),
      marks,
    },
    {
      kind: 'lines',
      title: 'Latency from moment to moment',
      unit: 'ns',
      logarithmic: true,
      lines: linesOf(
        ['appendP50', 'append p50'],
        ['appendP99', 'append p99'],
        ['fdatasyncP50', 'fdatasync p50'],
        ['fdatasyncP99', 'fdatasync p99'],
      ),
      marks,
    },
    { kind: 'lines', title: 'Tail ring in use', unit: '%', lines: linesOf(['ringPercent', 'in use']), marks },
    {
      kind: 'lines',
      title: 'Book depth, resting orders',
      unit: 'orders',
      lines: linesOf(['bookDepth', 'orders']),
      marks,
    },
  ];
  const isMarked = marks.length > 0;
  return {
    title: 'Over time',
    ...(isMarked
      ? {
          text: 'Solid vertical lines are kills, dashed ones the end of a recovery; lines have gaps where no engine lives.',
        }
      : {}),
    figures,
  };
}

function segmentsSection(runs: readonly NamedRun[]): ReportSection {
  return {
    title: 'Segments',
    figures: runs.map(({ name, run }): ReportFigure => {
      const kept = run.segmentStride === 1 ? '' : ` (every ${run.segmentStride}th is shown)`;
      return {
        kind: 'segments',
        title: runs.length === 1 ? `Life of each segment${kept}` : `${name}: life of each segment${kept}`,
        wide: true,
        lives: run.segments,
        seconds: run.seconds,
      };
    }),
  };
}

function incidentsSection(runs: readonly NamedRun[]): ReportSection {
  const tables = runs.map(
    ({ name, run }): ReportTable => ({
      title: `${runs.length === 1 ? '' : `${name}: `}${formatCount(run.totals.kills)} kills, ${formatCount(run.totals.recoveries)} recoveries, ${formatCount(run.totals.lost)} events lost`,
      head: ['at', 'what', 'event', 'lost', 'more'],
      rows: run.incidents.map(({ second, kind, eventId, lost, text }) => [
        formatSeconds(second),
        kind,
        formatCount(eventId),
        formatCount(lost),
        text,
      ]),
      words: true,
    }),
  );
  return { title: 'Kills and recoveries', tables };
}

function conditionsSection(runs: readonly NamedRun[]): ReportSection {
  const heads = runs.length === 1 ? [] : ['', ...runs.map(({ name }) => name)];
  const options = [...new Set(runs.flatMap(({ run }) => Object.keys(run.options)))];
  const machine = [
    ['processor', ({ machine: { cores, cpu } }: RunRecord) => `${cores} × ${cpu}`],
    ['system', ({ machine }: RunRecord) => machine.kernel],
    ['Node', ({ machine }: RunRecord) => machine.node],
    ['file system of the log', ({ machine }: RunRecord) => machine.fileSystem],
  ] as const;
  return {
    title: 'Configuration and machine',
    tables: [
      {
        title: 'Options',
        head: heads,
        rows: options.map((option) => [option, ...runs.map(({ run }) => String(run.options[option] ?? '-'))]),
        words: true,
      },
      {
        title: 'Machine',
        head: heads,
        rows: machine.map(([name, describe]) => [name, ...runs.map(({ run }) => describe(run))]),
        words: true,
      },
    ],
  };
}
