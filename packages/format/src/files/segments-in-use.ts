/*
 * Which segments the readers of this process may still read, so that a recorder of the same process does not take them
 * away. One SharedArrayBuffer for all threads: it goes to new threads as environment data.
 *
 * Role contract. A slot of eight words belongs to the reader that has moved its first word from free to taken, by
 * compare-and-swap; it alone writes the others. Recorders read. A recorder may see a reader a moment late: then the
 * reader finds a file gone, which it can tell from damage.
 *
 *   0 state | 1 lowest segment | 2, 3 inode | 4, 5 device
 *
 * Word 0 of the buffer counts readers that found no slot: as long as there are any, every segment counts as in use.
 */
import fs from 'node:fs';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const KEY = '@fswal/format segments in use';
const SLOTS = 64;
const SLOT_WORDS = 8;
const HEADER_WORDS = 8;
const Slot = { state: 0, lowest: 1, inode: 2, device: 4 } as const;
const FREE = 0;
const TAKEN = 1;

/** A reader's place in the registry. Without `release` it counts until the process ends. */
export interface ReaderRegistration {
  /** Segments below this one are not read any more. Until it is called, all are in use. */
  moveTo(segmentIndex: number): void;
  release(): void;
}

/** Says that somebody reads the log in `dir`. @throws the error of stat(2) where there is no such directory */
export function registerReader(dir: string): ReaderRegistration {
  const words = registry();
  const identity = identityOf(dir);
  let released = false;
  for (let at = HEADER_WORDS; at < words.length; at += SLOT_WORDS) {
    if (Atomics.compareExchange(words, at + Slot.state, FREE, TAKEN) !== FREE) continue;
    Atomics.store(words, at + Slot.lowest, 0);
    for (const [i, word] of identity.entries()) Atomics.store(words, at + Slot.inode + i, word);
    return {
      moveTo: (segmentIndex) => {
        if (!released) Atomics.store(words, at + Slot.lowest, segmentIndex);
      },
      release: () => {
        if (released) return;
        released = true;
        for (let i = 0; i < identity.length; i++) Atomics.store(words, at + Slot.inode + i, 0);
        Atomics.store(words, at + Slot.state, FREE);
      },
    };
  }
  Atomics.add(words, 0, 1);
  return {
    moveTo: () => {},
    release: () => {
      if (!released) Atomics.sub(words, 0, 1);
      released = true;
    },
  };
}

/** The lowest segment of the log in `dir` that a reader of this process may still read; undefined = there is no reader. */
export function lowestSegmentInUse(dir: string): number | undefined {
  const words = registry();
  if (Atomics.load(words, 0) > 0) return 0;
  let identity: Int32Array | undefined;
  let lowest: number | undefined;
  for (let at = HEADER_WORDS; at < words.length; at += SLOT_WORDS) {
    if (Atomics.load(words, at + Slot.state) !== TAKEN) continue;
    identity ??= identityOf(dir);
    // One that is just being taken counts for every log.
    const fresh =
      Atomics.load(words, at + Slot.inode) === 0 && Atomics.load(words, at + Slot.inode + 1) === 0;
    const mine = identity.every((word, i) => Atomics.load(words, at + Slot.inode + i) === word);
    if (!mine && !fresh) continue;
    const segmentIndex = fresh ? 0 : Atomics.load(words, at + Slot.lowest);
    lowest = lowest === undefined ? segmentIndex : Math.min(lowest, segmentIndex);
  }
  return lowest;
}

let shared: Int32Array | undefined;

function registry(): Int32Array {
  if (shared !== undefined) return shared;
  let buffer = getEnvironmentData(KEY) as SharedArrayBuffer | undefined;
  if (!(buffer instanceof SharedArrayBuffer)) {
    buffer = new SharedArrayBuffer((HEADER_WORDS + SLOTS * SLOT_WORDS) * 4);
    setEnvironmentData(KEY, buffer as unknown as string);
  }
  shared = new Int32Array(buffer);
  return shared;
}

/** Inode and device, two words each. */
function identityOf(dir: string): Int32Array {
  const { ino, dev } = fs.statSync(dir, { bigint: true });
  return new Int32Array(new BigUint64Array([ino, dev]).buffer);
}
