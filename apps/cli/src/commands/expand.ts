import fs from 'node:fs';
import path from 'node:path';
import { parseSegmentFileName, verifySegment, WalError } from '@fswal/format';
import { readSegmentFile } from '@fswal/format/files';
import { type DirectoryLock, loadProvider, syncDirectory } from '@fswal/mmap';
import { ExitStatus } from '../exit-status.js';
import { interruptible } from '../interrupts.js';
import { writeNewFile } from '../log/new-file.js';
import { formatBytes } from '../units.js';
import { UsageError } from '../usage-error.js';
import type { CommandResult, Context } from './command.js';

const COMPRESSED_SUFFIX = '.lz4';
const STDOUT = '-';

export interface ExpandOptions {
  /** Default: beside the file, without `.lz4`. `-` = stdout. */
  readonly out?: string;
  /** Delete the compressed file when the other one is on the device. Not together with `out`. */
  readonly remove: boolean;
}

/** Unpacks and verifies a compressed segment, and writes what it was. */
export async function expand(file: string, { out, remove }: ExpandOptions, context: Context): CommandResult {
  if (out === STDOUT && context.json)
    throw new UsageError('stdout is for the bytes or for JSON: give -o a file, or leave out --json');
  const into = out ?? plainNameOf(file);
  const lock =
    parseSegmentFileName(path.basename(into)) === undefined ? undefined : await lockDirectoryOf(into);
  try {
    const bytes = readVerified(file);
    if (into === STDOUT) {
      await context.output.print(bytes);
      return ExitStatus.Sound;
    }
    await interruptible((signal) => writeNewFile(into, bytes, signal));
    if (remove) removeFile(file);
    const result = { file: into, bytes: bytes.length, removed: remove ? file : null };
    if (context.json) await context.output.printJson(result);
    else await context.output.print(`${into}: ${formatBytes(bytes.length)}, verified\n`);
    return ExitStatus.Sound;
  } finally {
    lock?.release();
  }
}

function plainNameOf(file: string): string {
  if (file.endsWith(COMPRESSED_SUFFIX)) return file.slice(0, -COMPRESSED_SUFFIX.length);
  throw new UsageError(`${file} does not end in ${COMPRESSED_SUFFIX}: say with -o where to write`);
}

/** A recorder at work must not find a second form of a segment that it knows. */
function lockDirectoryOf(file: string): Promise<DirectoryLock> {
  return loadProvider().lockDirectory(path.dirname(file));
}

/** @throws WalError for a file that does not unpack to a sound segment */
function readVerified(file: string): Uint8Array {
  const bytes = readSegmentFile(file, true);
  const segmentIndex = parseSegmentFileName(path.basename(file))?.segmentIndex;
  const { status, at } = verifySegment(bytes, segmentIndex === undefined ? {} : { segmentIndex });
  if (status !== 'OK') throw new WalError(status, at?.message ?? '', { file, ...at });
  return bytes;
}

function removeFile(file: string): void {
  fs.unlinkSync(file);
  syncDirectory(path.dirname(file));
}
