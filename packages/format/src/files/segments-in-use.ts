/*
 * Which segments the readers of this process may still read, so that a recorder of the same process does not take them
 * away. One SharedArrayBuffer for all threads: it goes to new threads as environment data, so it is made when this
 * module is loaded, before any thread that needs it can have been started.
 *
 * Role contract. A slot of eight words belongs to the reader that has moved its first word from free to claimed, by
 * compare-and-swap; it alone writes the others, and then the first one anew: taken. Recorders read; a claimed slot may
 * be of any log, so it counts for each. A recorder may see a reader a moment late, or not at all where that is in a
 * thread that was started before its starter knew this module: then the reader finds a file gone, which it can tell
 * from damage.
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
const CLAIMED = 1;
const TAKEN = 2;

const words = registry();

/** A reader's place in the registry. Without `release` it counts until the process ends. */
export interface ReaderRegistration {
  /** Segments below this one are not read any more. Until it is called, all are in use. */
  moveTo(segmentIndex: number): void;
  release(): void;
}

/** Says that somebody reads the log in `dir`. @throws the error of stat(2) where there is no such directory */
export function registerReader(dir: string): ReaderRegistration {
  const identity = identityOf(dir);
  let released = false;
  for (let at = HEADER_WORDS; at < words.length; at += SLOT_WORDS) {
    if (Atomics.compareExchange(words, at + Slot.state, FREE, CLAIMED) !== FREE) continue;
    Atomics.store(words, at + Slot.lowest, 0);
    for (const [i, word] of identity.entries()) Atomics.store(words, at + Slot.inode + i, word);
    // Publishes the words before it; pairs with the load in lowestSegmentInUse.
    Atomics.store(words, at + Slot.state, TAKEN);
    return {
      moveTo: (segmentIndex) => {
        if (!released) Atomics.store(words, at + Slot.lowest, segmentIndex);
      },
      release: () => {
        if (released) return;
        released = true;
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
  if (Atomics.load(words, 0) > 0) return 0;
  let identity: Int32Array | undefined;
  let lowest: number | undefined;
  for (let at = HEADER_WORDS; at < words.length; at += SLOT_WORDS) {
    const state = Atomics.load(words, at + Slot.state);
    if (state === FREE) continue;
    if (state === CLAIMED) return 0;
    identity ??= identityOf(dir);
    if (!identity.every((word, i) => Atomics.load(words, at + Slot.inode + i) === word)) continue;
    const segmentIndex = Atomics.load(words, at + Slot.lowest);
    lowest = lowest === undefined ? segmentIndex : Math.min(lowest, segmentIndex);
  }
  return lowest;
}

/** Inode and device, two words each. */
function identityOf(dir: string): Int32Array {
  const { ino, dev } = fs.statSync(dir, { bigint: true });
  return new Int32Array(new BigUint64Array([ino, dev]).buffer);
}

function registry(): Int32Array {
  let buffer = getEnvironmentData(KEY) as SharedArrayBuffer | undefined;
  if (!(buffer instanceof SharedArrayBuffer)) {
    buffer = new SharedArrayBuffer((HEADER_WORDS + SLOTS * SLOT_WORDS) * 4);
    setEnvironmentData(KEY, buffer as unknown as string);
  }
  return new Int32Array(buffer);
}
