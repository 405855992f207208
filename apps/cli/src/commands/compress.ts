import { ExitStatus } from '../exit-status.js';
import { breathe, interruptible } from '../interrupts.js';
import { requireLog } from '../log/require-log.js';
import { formatBytes, plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface CompressOptions {
  readonly allowSharedDirectory: boolean;
}

/** Compresses the closed segments of a log that no recorder has open. */
export async function compress(
  dir: string,
  options: CompressOptions,
  { output, json }: Context,
): CommandResult {
  requireLog(dir);
  const { compressLog } = await import('@fswal/recorder');
  let bar: ReturnType<typeof output.progress> | undefined;
  const report = await interruptible((signal) =>
    compressLog({
      dir,
      ...options,
      onProgress: async (done, total) => {
        bar ??= output.progress('compressing', total);
        bar.update(done);
        await breathe(signal);
      },
    }),
  );
  const { compressed, bytesBefore, bytesAfter, skipped } = report;
  if (json) await output.printJson(report);
  else {
    const sizes =
      compressed.length === 0 ? '' : `: ${formatBytes(bytesBefore)} to ${formatBytes(bytesAfter)}`;
    await output.print(`${plural(compressed.length, 'segment')} compressed${sizes}\n`);
  }
  for (const { file, code, reason } of skipped)
    output.say(`fswal: ${code}: ${file} stays as it is: ${reason}`);
  return skipped.length === 0 ? ExitStatus.Sound : ExitStatus.Damaged;
}
