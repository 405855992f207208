import fs from 'node:fs';
import path from 'node:path';
import { compressedSegmentFileName, segmentFileName } from '@fswal/format';
import { RecoveryManager } from '@fswal/recovery';
import { ExitStatus } from '../exit-status.js';
import { eventLines } from '../log/event-text.js';
import { requireLog } from '../log/require-log.js';
import type { CommandResult, Context } from './command.js';

export interface SeekOptions {
  /** Nanoseconds; instead of an id. */
  readonly timestamp?: bigint;
}

/** Finds an event, or the next higher one, and says where it lies. */
export async function seek(
  dir: string,
  id: bigint | undefined,
  { timestamp }: SeekOptions,
  context: Context,
): CommandResult {
  requireLog(dir);
  const recovery = await RecoveryManager.open({
    dir,
    readAhead: 1,
    ...(id === undefined ? {} : { fromEventId: id }),
  });
  try {
    if (id !== undefined) recovery.seek(id);
    else recovery.seekTimestamp(timestamp as bigint);
    await tellPlace(dir, recovery, context);
    return ExitStatus.Sound;
  } finally {
    await recovery.close();
  }
}

async function tellPlace(
  dir: string,
  { event, place }: RecoveryManager,
  { output, json }: Context,
): Promise<void> {
  const line = eventLines({ ...event, count: 1 }, 'jsonl');
  const file = place === undefined ? null : fileOf(dir, place.segmentIndex);
  const { segmentIndex = null, block = null, offset = null } = place ?? {};
  if (json) {
    await output.printJson({ event: JSON.parse(line) as object, file, segmentIndex, block, offset });
    return;
  }
  const where = place === undefined ? 'in the tail ring alone' : `${file}, block ${block}, offset ${offset}`;
  const unpacked = file?.endsWith('.lz4') === true ? ' of the unpacked segment' : '';
  await output.print(`${line}${where}${unpacked}\n`);
}

/** The segment's file: a recorder may compress it at any time. */
function fileOf(dir: string, segmentIndex: number): string {
  const plain = segmentFileName(segmentIndex);
  return fs.existsSync(path.join(dir, plain)) ? plain : compressedSegmentFileName(segmentIndex);
}
