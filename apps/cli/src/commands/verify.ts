import fs from 'node:fs';
import path from 'node:path';
import { type DurablePosition, isDamage, parseSegmentFileName, verifySegment, WalError } from '@fswal/format';
import { type DurableReport, readSegmentFile, salvageSegmentFile } from '@fswal/format/files';
import { type SalvagedSegment, salvageSegment } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { describeGap } from '../log/gap-text.js';
import { type LogVerdict, LogVerifier } from '../log/log-verifier.js';
import { requireLog } from '../log/require-log.js';
import { rowOfError, rowOfVerification, type SegmentRow, withGaps } from '../log/segment-row.js';
import { formatCount, formatRange, plural } from '../units.js';
import { UsageError } from '../usage-error.js';
import type { CommandResult, Context } from './command.js';

const NOTHING_DURABLE: DurablePosition = { segmentIndex: 0, offset: 0, eventId: 0n, prefixChecksum: 0n };
const NO_POSITION: DurableReport = { eventId: 0n, source: 'derived', note: 'a segment alone has none' };

/** So often a log is verified while retention takes segments before they are read. */
const MAX_TRIES = 5;

/** Verifies every byte of a log, or of one segment file. */
export async function verify(target: string, context: Context): CommandResult {
  const stats = fs.statSync(target, { throwIfNoEntry: false });
  const isLog = stats === undefined || stats.isDirectory();
  const { rows, verdict, durable } = isLog ? verifyLog(target, context) : verifyFile(target);
  const { status, error, events, firstEventId, lastEventId } = verdict;
  if (context.json) {
    const durableEventId = durable.eventId;
    await context.output.printJson({
      status,
      segments: rows,
      events,
      firstEventId,
      lastEventId,
      durableEventId,
    });
  } else {
    await context.output.print(report(target, rows, verdict, durable, context));
  }
  if (error === undefined) return ExitStatus.Sound;
  context.output.fail(error);
  return isDamage(error.code) ? ExitStatus.Damaged : ExitStatus.Failed;
}

interface Verified {
  readonly rows: readonly SegmentRow[];
  readonly verdict: LogVerdict;
  readonly durable: DurableReport;
}

/** Begins anew where a recorder's retention was faster and the log looks damaged for it. */
function verifyLog(dir: string, context: Context): Verified {
  requireLog(dir);
  for (let tries = 1; ; tries++) {
    const verifier = LogVerifier.open(dir);
    const rows = rowsOf(verifier, context);
    const verdict = verifier.finish();
    if (verdict.error === undefined || !verifier.isOutrun || tries === MAX_TRIES) {
      return { rows, verdict, durable: verifier.durable.report };
    }
  }
}

function rowsOf(verifier: LogVerifier, { output }: Context): SegmentRow[] {
  const bar = output.progress('verifying', verifier.files.length);
  const rows: SegmentRow[] = [];
  for (const row of verifier.rows()) {
    rows.push(row);
    bar.update(rows.length);
  }
  bar.stop();
  return rows;
}

/**
 * A segment file of either form, by itself. Its name counts where it is that of a segment.
 * @throws UsageError for a file of which neither the name nor anything in it is of a segment
 */
function verifyFile(file: string): Verified {
  const name = path.basename(file);
  const segmentIndex = parseSegmentFileName(name)?.segmentIndex;
  const isPacked = name.endsWith('.lz4');
  let error: WalError | undefined;
  let row: SegmentRow;
  try {
    const bytes = readSegmentFile(file, isPacked);
    const v = verifySegment(bytes, segmentIndex === undefined ? {} : { segmentIndex });
    row = rowOfVerification(name, segmentIndex ?? v.header?.segmentIndex ?? 0, v);
    if (v.status !== 'OK') {
      error = new WalError(v.status, v.at?.message ?? '', { file, ...v.at });
      row = withGaps(row, salvageFile(file, row.segmentIndex, bytes));
    }
  } catch (thrown) {
    if (!(thrown instanceof WalError)) throw thrown;
    error = thrown;
    row = rowOfError(name, segmentIndex ?? 0, thrown, 0n);
    if (thrown.code === 'SEGMENT_CORRUPTED')
      row = withGaps(row, salvageFile(file, row.segmentIndex, salvageSegmentFile(file, isPacked)));
  }
  const { status, events, version, soundBlocks = 0 } = row;
  const isSegment = segmentIndex !== undefined || version !== null || soundBlocks > 0;
  if (error !== undefined && isDamage(error.code) && !isSegment)
    throw new UsageError(`${file} is no segment file`);
  const [firstEventId, lastEventId] = [BigInt(row.firstEventId), BigInt(row.lastEventId)];
  const verdict = { status, error, events, firstEventId, lastEventId, ringEvents: 0, notes: [] };
  return { rows: [row], verdict, durable: NO_POSITION };
}

function salvageFile(file: string, segmentIndex: number, bytes: Uint8Array): SalvagedSegment {
  const place = { afterEventId: 0n, chainedChecksum: undefined };
  return salvageSegment(bytes, { file, segmentIndex, ...place, durable: NOTHING_DURABLE });
}

function report(
  target: string,
  rows: readonly SegmentRow[],
  { error, events, firstEventId, lastEventId, ringEvents, notes }: LogVerdict,
  durable: DurableReport,
  { output: { colours } }: Context,
): string {
  const inRing =
    ringEvents === 0 ? '' : `, the last ${formatCount(ringEvents)} of them in the tail ring alone`;
  const sound = rows.some(isTorn) ? 'sound up to the torn tail' : 'sound';
  const verdict = error === undefined ? colours.green(sound) : colours.red(`damaged: ${error.code}`);
  const lines = [
    `${target}: ${verdict}`,
    `  ${plural(rows.length, 'segment file')}, ${describeSound(rows)}`,
    `  ${plural(events, 'event')}: ${formatRange(firstEventId, lastEventId)}${inRing}`,
    `  durable up to event ${formatCount(durable.eventId)} (${durable.source})`,
  ];
  lines.push(...rows.flatMap(describeDamage), ...notes.map((note) => `  ${note}`));
  return `${lines.join('\n')}\n`;
}

function describeSound(rows: readonly SegmentRow[]): string {
  const sound = rows.filter(({ status }) => status === 'OK').length;
  if (sound < rows.length) return `${formatCount(sound)} of them sound`;
  return rows.some(isTorn) ? 'every byte up to the torn tail verified' : 'every byte of each verified';
}

/** What is wrong with a segment that counts as sound lies behind the durable position. */
function isTorn({ status, at }: SegmentRow): boolean {
  return status === 'OK' && at !== undefined;
}

/** Where what is wrong with a segment begins; of a damaged one, all that is wrong with it. */
function describeDamage(row: SegmentRow): string[] {
  const { file, status, at, soundBlocks = 0, gaps } = row;
  if (at === undefined) return [];
  const what = isTorn(row) ? 'torn tail behind the durable position' : status;
  const after = at.eventId === '0' ? '' : `, after event ${at.eventId}`;
  const first = `  ${file}: ${what}, block ${at.block}, offset ${at.offset}${after}: ${at.message}`;
  if (gaps === undefined) return [first];
  const rest = gaps.length === 0 ? '' : ', but not:';
  return [
    first,
    `    ${plural(soundBlocks, 'block')} of it sound${rest}`,
    ...gaps.map((gap) => `      ${describeGap(gap)}`),
  ];
}
