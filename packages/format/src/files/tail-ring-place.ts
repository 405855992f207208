/*
 * wal_tail.place: where the tail ring of a log lies that is not in the log's own directory. One JSON object:
 *
 *   { "tailRingDir": absolute path, "tailRing": inode of the ring, "log": inode of the log's directory }
 *
 * The inodes keep a copy of a log from taking the ring of the original, and a log from taking a ring that another one
 * has made in the same place since.
 */
import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '../errors.js';
import { TAIL_RING_FILE, TAIL_RING_PLACE_FILE } from '../file-names.js';
import { isErrno, readRegularFile } from './log-files.js';

const MAX_PLACE_BYTES = 8192;

/** The tail ring that the last recorder of a log had. */
export interface TailRingPlace {
  /** Path of the ring, undefined where there is none that belongs to the log. The file need not exist. */
  readonly file: string | undefined;
  /** Why a ring that the log once had elsewhere is not used. */
  readonly note: string | undefined;
}

/**
 * Where the last recorder of a log had its tail ring.
 * @param tailRingDir the directory of the ring, by somebody who knows better
 * @throws WalError OPEN_FAILED, READ_FAILED; SEGMENT_CORRUPTED where `wal_tail.place` is damaged
 */
export function readTailRingPlace(dir: string, tailRingDir?: string): TailRingPlace {
  if (tailRingDir !== undefined) return { file: path.join(tailRingDir, TAIL_RING_FILE), note: undefined };
  const place = readPlace(dir);
  if (place === undefined) return { file: path.join(dir, TAIL_RING_FILE), note: undefined };
  const { tailRing, log } = place;
  const unused = (why: string) => ({
    file: undefined,
    note: `the tail ring in ${place.tailRingDir} is not used: ${why}`,
  });
  if (log !== inodeOf(dir)) return unused('it is that of the directory that this one was copied from');
  const file = path.join(place.tailRingDir, TAIL_RING_FILE);
  const inode = inodeOf(file);
  if (inode === undefined) return unused('it is not there, and what no segment had of it is lost');
  if (inode !== tailRing) return unused('another log has made one of its own there');
  return { file, note: undefined };
}

/** The content of `wal_tail.place` for the log in `dir` and a ring that exists in `tailRingDir`. */
export function encodeTailRingPlace(dir: string, tailRingDir: string): Uint8Array {
  const tailRing = inodeOf(path.join(tailRingDir, TAIL_RING_FILE));
  return new TextEncoder().encode(JSON.stringify({ tailRingDir, tailRing, log: inodeOf(dir) }));
}

function readPlace(dir: string): { tailRingDir: string; tailRing: string; log: string } | undefined {
  const file = path.join(dir, TAIL_RING_PLACE_FILE);
  let text: string;
  try {
    text = new TextDecoder().decode(readRegularFile(file, MAX_PLACE_BYTES));
  } catch (error) {
    if (error instanceof WalError && (isErrno(error.cause, 'ENOENT') || isErrno(error.cause, 'ENOTDIR')))
      return undefined;
    throw error;
  }
  try {
    const { tailRingDir, tailRing, log } = JSON.parse(text) as Record<string, unknown>;
    if (typeof tailRingDir === 'string' && path.isAbsolute(tailRingDir)) {
      return { tailRingDir, tailRing: String(tailRing), log: String(log) };
    }
  } catch {
    // Not JSON: said below.
  }
  const message =
    'this does not name the tail ring; find the ring, move it into this directory and remove this file';
  throw new WalError('SEGMENT_CORRUPTED', message, { file });
}

function inodeOf(file: string): string | undefined {
  return fs.statSync(file, { bigint: true, throwIfNoEntry: false })?.ino.toString();
}
