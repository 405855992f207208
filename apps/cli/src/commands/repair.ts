import path from 'node:path';
import { type Gap, type RepairedFile, type RepairReport, repairLog } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { describeGap } from '../log/gap-text.js';
import { requireLog } from '../log/require-log.js';
import { formatBytes, formatCount, formatRange, plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface RepairCommandOptions {
  readonly dryRun: boolean;
}

/** Makes a damaged log sound again, without deleting anything; says what was dropped. */
export async function repair(
  dir: string,
  { dryRun }: RepairCommandOptions,
  { output, json }: Context,
): CommandResult {
  requireLog(dir);
  let bar: ReturnType<typeof output.progress> | undefined;
  const report = await repairLog({
    dir,
    dryRun,
    onProgress: (done, total) => {
      bar ??= output.progress(dryRun ? 'examining' : 'repairing', total);
      bar.update(done);
    },
  });
  if (json) await output.printJson(report);
  else await output.print(describe(dir, report, dryRun));
  // After a repair the log is sound; a dry run has only found that it is not.
  return dryRun && report.repaired ? ExitStatus.Damaged : ExitStatus.Sound;
}

function describe(dir: string, report: RepairReport, dryRun: boolean): string {
  const { repaired, files, gaps, tailRing, events, firstEventId, lastEventId, durableBefore, roomBytes } =
    report;
  if (!repaired) return `${dir}: sound, nothing to repair\n`;
  return `${[
    `${dir}: ${dryRun ? 'would be repaired; nothing was changed' : 'repaired'}`,
    ...files.flatMap(describeFile),
    ...describeGaps(
      gaps.filter((gap) => !files.some((file) => file.gaps.some((own) => own.file === gap.file))),
    ),
    ...describeRing(tailRing),
    `  ${plural(events, 'event')} ${dryRun ? 'would be' : 'are'} in the segments then: ${formatRange(firstEventId, lastEventId)}`,
    `  the log was durable up to event ${formatCount(durableBefore.eventId)} (${durableBefore.source})`,
    ...(dryRun ? [`  it takes ${formatBytes(roomBytes)} of room on the disk`] : []),
  ].join('\n')}\n`;
}

function describeFile({ file, change, keptAs, droppedBytes, droppedBlocks, gaps }: RepairedFile): string[] {
  const dropped =
    droppedBytes === 0 ? '' : `, ${plural(droppedBlocks, 'block')} (${formatBytes(droppedBytes)}) dropped`;
  const kept = keptAs === null ? '' : `; as it was: ${path.basename(keptAs)}`;
  const reasons = gaps.map((gap) => `    ${describeGap(gap)}`);
  return [`  ${path.basename(file)}: ${change}${dropped}${kept}`, ...reasons];
}

/** What is wrong with files that stay as they are. */
function describeGaps(gaps: readonly Gap[]): string[] {
  return gaps.map((gap) => `  ${path.basename(gap.file)}: ${describeGap(gap)}`);
}

function describeRing(ring: RepairReport['tailRing']): string[] {
  if (ring === null) return [];
  const note = ring.note === null ? '' : `; ${ring.note}`;
  return [`  ${plural(ring.events, 'event')} more in the tail ring, for the next recorder${note}`];
}
