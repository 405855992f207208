import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WalError } from '@fswal/format';
import { type DirectoryLock, loadProvider } from '@fswal/mmap';
import { ExitStatus } from '../exit-status.js';
import { requireLog } from '../log/require-log.js';
import { inOwnProcess } from '../own-process.js';
import { formatBytes, plural } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface CompressOptions {
  readonly allowSharedDirectory: boolean;
}

/** A compressed segment that is not finished. */
const UNFINISHED = /^FS\.\d{8}\.wal\.lz4\.tmp$/;

/** Compresses the closed segments of a log that no recorder has open. Each takes seconds in one call of native code. */
export function compress(dir: string, options: CompressOptions, { json }: Context): CommandResult {
  const module = new URL('../compress-process.js', import.meta.url);
  return inOwnProcess(module, [dir, options, json], () => removeUnfinished(dir));
}

/** With the lock in hand, what is unfinished there is nobody's any more. */
async function removeUnfinished(dir: string): Promise<void> {
  let lock: DirectoryLock;
  try {
    lock = await loadProvider().lockDirectory(dir);
  } catch (error) {
    // It was killed before it had the lock itself.
    if (error instanceof WalError && error.code === 'DIRECTORY_LOCKED') return;
    throw error;
  }
  try {
    for (const name of fs.readdirSync(dir)) if (UNFINISHED.test(name)) fs.unlinkSync(path.join(dir, name));
  } finally {
    lock.release();
  }
}

/** The same in this process. */
export async function compressHere(
  dir: string,
  options: CompressOptions,
  { output, json }: Context,
): CommandResult {
  requireLog(dir);
  const { compressLog } = await import('@fswal/recorder');
  let bar: ReturnType<typeof output.progress> | undefined;
  const report = await compressLog({
    dir,
    ...options,
    onProgress: async (done, total) => {
      bar ??= output.progress('compressing', total);
      bar.update(done);
      await nextTurn();
    },
  });
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
