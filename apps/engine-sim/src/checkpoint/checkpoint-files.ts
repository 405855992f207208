import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WalError } from '@fswal/format';
import { readRegularFile } from '@fswal/format/files';
import { asWalError, errnoName } from '@fswal/mmap';
import {
  type Checkpoint,
  checkpointedEventId,
  decodeCheckpoint,
  MAX_CHECKPOINT_BYTES,
  UnusableCheckpoint,
} from './checkpoint.js';

/* The names of checkpoints, and the reading of them. Nothing here writes. */

/** With the event id in 20 digits, so that names sort as ids do. */
const NAME = /^checkpoint-(\d{20})\.fscp$/;
const UNFINISHED_SUFFIX = '.tmp';

export interface CheckpointFile {
  /** Id of the last event that the state contains. */
  readonly eventId: bigint;
  readonly file: string;
}

/** Beside the log, not in it: nothing but the log's own files belongs there. */
export function checkpointDirectory(logDir: string): string {
  return `${resolve(logDir)}.checkpoints`;
}

export function checkpointName(eventId: bigint): string {
  return `checkpoint-${String(eventId).padStart(20, '0')}.fscp`;
}

/** What a checkpoint is called while it is being written. */
export function unfinishedName(eventId: bigint): string {
  return `${checkpointName(eventId)}${UNFINISHED_SUFFIX}`;
}

export function isUnfinished(name: string): boolean {
  return name.endsWith(UNFINISHED_SUFFIX) && NAME.test(name.slice(0, -UNFINISHED_SUFFIX.length));
}

/** What has the name of a checkpoint, the newest first; nothing where there is no directory. @throws WalError READ_FAILED */
export function listCheckpoints(dir: string): CheckpointFile[] {
  return checkpointsAmong(namesIn(dir), dir);
}

/** The same among the names of a directory. */
export function checkpointsAmong(names: readonly string[], dir: string): CheckpointFile[] {
  const found = names.flatMap((name) => {
    const digits = NAME.exec(name)?.[1];
    return digits === undefined ? [] : [{ eventId: BigInt(digits), file: join(dir, name) }];
  });
  return found.sort((a, b) => (a.eventId < b.eventId ? 1 : -1));
}

/** Entries of the directory; none where there is no directory. @throws WalError READ_FAILED */
export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    if (errnoName(cause) === 'ENOENT') return [];
    throw asWalError('READ_FAILED', 'cannot list the checkpoints', cause, dir);
  }
}

/** @throws UnusableCheckpoint where it is not whole, unchanged, and that of its name's event */
export function readCheckpoint(found: CheckpointFile): Checkpoint {
  return decodeCheckpoint(readSound(found));
}

/** The bytes of a checkpoint that is whole, unchanged, and that of its name's event. @throws UnusableCheckpoint */
export function readSound({ file, eventId }: CheckpointFile): Uint8Array {
  let bytes: Uint8Array;
  try {
    // What is not a regular file is neither followed nor waited for.
    bytes = readRegularFile(file, MAX_CHECKPOINT_BYTES);
  } catch (error) {
    if (error instanceof WalError) throw new UnusableCheckpoint(error.reason, { cause: error });
    throw error;
  }
  const found = checkpointedEventId(bytes);
  if (found !== eventId) throw new UnusableCheckpoint(`it is that of event ${found}, under another name`);
  return bytes;
}
