import { ExitStatus } from '../exit-status.js';
import { breathe } from '../interrupts.js';
import { type RepairedFile, type RepairReport, repairLog } from '../log/repair-log.js';
import { requireLog } from '../log/require-log.js';
import { formatBytes, plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface RepairCommandOptions {
  readonly dryRun: boolean;
}

/** Makes a damaged log sound again, without deleting anything; says what was dropped. */
export async function repair(dir: string, { dryRun }: RepairCommandOptions, context: Context): CommandResult {
  const { output, json, signal } = context;
  requireLog(dir);
  let bar: ReturnType<typeof output.progress> | undefined;
  const report = await repairLog({
    dir,
    dryRun,
    onProgress: async (done, total) => {
      bar ??= output.progress(dryRun ? 'examining' : 'repairing', total);
      bar.update(done);
      await breathe(signal);
    },
  });
  if (json) await output.printJson(report);
  else await output.print(describe(dir, report, dryRun));
  // After a repair the log is sound; a dry run has only found that it is not.
  return dryRun && report.repaired ? ExitStatus.Damaged : ExitStatus.Sound;
}

function describe(dir: string, { repaired, files }: RepairReport, dryRun: boolean): string {
  if (!repaired) return `${dir}: sound, nothing to repair\n`;
  const lines = [`${dir}: ${dryRun ? 'would be repaired' : 'repaired'}, ${plural(files.length, 'file')}`];
  for (const file of files) lines.push(`  ${describeFile(file, dryRun)}`);
  if (dryRun) lines.push('nothing was changed; without --dry-run it is done');
  return `${lines.join('\n')}\n`;
}

function describeFile(
  { file, reason, message, bytes, blocks, ...where }: RepairedFile,
  dryRun: boolean,
): string {
  const { afterEventId, beforeEventId, movedTo } = where;
  const before = beforeEventId === 0n ? 'the end' : `event ${beforeEventId}`;
  const lost = `${plural(blocks, 'block')}, ${formatBytes(bytes)} between event ${afterEventId} and ${before}`;
  const moved = movedTo === null ? '' : `; the original ${dryRun ? 'would be' : 'is'} kept as ${movedTo}`;
  return `${file}: ${reason}: ${message}: dropped ${lost}${moved}`;
}
