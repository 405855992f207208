import Table from 'cli-table3';
import { ExitStatus } from '../exit-status.js';
import { type LogFronts, readLogFronts } from '../log/log-fronts.js';
import { drawLog, GLYPHS, glyphOf } from '../log/log-picture.js';
import { requireLog } from '../log/require-log.js';
import type { SegmentFront } from '../log/segment-front.js';
import { formatBytes, formatCount, formatTime, plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

/** Rows of the table at either end of a log that has more segments; `--json` lists all. */
const END_ROWS = 12;
const LEGEND = Object.entries(GLYPHS)
  .map(([name, glyph]) => `${glyph} ${name}`)
  .join('  ');

/** Shows what a log consists of, from the fronts of its files. */
export async function inspect(dir: string, { output, json }: Context): CommandResult {
  requireLog(dir);
  const fronts = readLogFronts(dir);
  if (json) await output.printJson(asJson(fronts));
  else await output.print(report(fronts, output));
  for (const problem of fronts.problems) output.fail(problem);
  return fronts.problems.length === 0 ? ExitStatus.Sound : ExitStatus.Damaged;
}

function asJson({ dir, segments, durable, ring, others, foreign, problems }: LogFronts): object {
  const { segmentIndex, offset } = durable.position;
  return {
    dir,
    segments: segments.map(segmentJson),
    durable: { ...durable.report, segmentIndex, offset },
    tailRing: ring ?? null,
    others,
    foreign,
    problems: problems.map(({ code, reason, file }) => ({ code, message: reason, file })),
  };
}

function segmentJson(front: SegmentFront): object {
  const { file, state, header, firstEventId, bytes, contentBytes } = front;
  return {
    file: file.name,
    segmentIndex: file.segmentIndex,
    state,
    compressed: file.compressed,
    version: header?.version ?? null,
    blocks: header?.blockCount ?? null,
    events: header?.eventCount ?? null,
    firstEventId,
    lastEventId: header?.lastEventId ?? 0n,
    createdNs: header?.createdNs ?? null,
    closedNs: header?.closedNs ?? null,
    bytes,
    contentBytes: contentBytes ?? null,
    compressionRatio: ratioOf(front) ?? null,
  };
}

function ratioOf({ file, bytes, contentBytes }: SegmentFront): number | undefined {
  if (!file.compressed || contentBytes === undefined || bytes === 0) return undefined;
  return Number((contentBytes / bytes).toFixed(2));
}

function report(fronts: LogFronts, { colours }: Context['output']): string {
  const { dir, segments, durable, ring, others, foreign } = fronts;
  const { position } = durable;
  const durableIndex = position.eventId === 0n ? undefined : position.segmentIndex;
  const { lines, segmentsPerCell } = drawLog(segments, durableIndex);
  const bytes = segments.reduce((sum, front) => sum + front.bytes, 0);
  const perCell = segmentsPerCell === 1 ? [] : [colours.dim(`${segmentsPerCell} segments a character`)];
  const notes = [
    `durable up to event ${formatCount(position.eventId)}, segment ${position.segmentIndex}, offset ${position.offset}`,
    durable.report.note === undefined ? `  (from ${durable.report.source})` : `  (${durable.report.note})`,
  ];
  if (ring !== undefined)
    notes.push(`${ring.file}, ${formatBytes(ring.bytes)}: a recorder is at work, or was killed`);
  if (others.length > 0) notes.push(`other files of the log: ${others.join(' ')}`);
  if (foreign > 0)
    notes.push(`${plural(foreign, 'entry')} that are not of a log`.replace('entrys', 'entries'));
  return `${[
    colours.bold(`${dir}: ${plural(segments.length, 'segment')}, ${formatBytes(bytes)}`),
    '',
    ...lines,
    ...(lines.length === 0
      ? []
      : ['', colours.dim(`${LEGEND}  ^ durable`), ...perCell, '', tableOf(segments), '']),
    ...notes,
  ].join('\n')}\n`;
}

function tableOf(segments: readonly SegmentFront[]): string {
  const table = new Table({
    head: ['segment', '', 'events', 'first event', 'last event', 'bytes', 'ratio', 'closed, UTC'],
    colAligns: ['right', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_BORDERS,
  });
  const left = segments.length - 2 * END_ROWS;
  const shown = left <= 1 ? segments : [...segments.slice(0, END_ROWS), ...segments.slice(-END_ROWS)];
  shown.forEach((front, i) => {
    if (left > 1 && i === END_ROWS)
      table.push([
        { colSpan: 8, hAlign: 'left', content: `... ${formatCount(left)} more: --json lists all` },
      ]);
    table.push(rowOf(front));
  });
  return table.toString().replaceAll(/ +$/gm, '');
}

/** Of an open segment the header does not tell yet how many events it has, nor the last. */
function rowOf(front: SegmentFront): string[] {
  const { file, header, firstEventId, bytes } = front;
  const isClosed = front.state === 'sealed';
  return [
    String(file.segmentIndex),
    glyphOf(front),
    isClosed ? formatCount(header?.eventCount ?? 0) : '',
    firstEventId === 0n ? '' : String(firstEventId),
    isClosed ? String(header?.lastEventId) : '',
    formatBytes(bytes),
    ratioOf(front)?.toFixed(1) ?? '',
    isClosed ? formatTime(header?.closedNs ?? 0n).slice(0, 16) : '',
  ];
}

const NO_BORDERS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'middle', 'right', 'right-mid'],
  ].map((name) => [name, '']),
);
