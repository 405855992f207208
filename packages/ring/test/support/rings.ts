import { createRingBuffer, RingKind } from '../../src/layout.js';
import { SpmcRing } from '../../src/spmc-ring.js';
import { SpscRing } from '../../src/spsc-ring.js';

/** The two rings, where a test is about what they have in common. */
export const RINGS = [
  { name: 'SpscRing', Ring: SpscRing, kind: RingKind.Spsc },
  { name: 'SpmcRing', Ring: SpmcRing, kind: RingKind.Spmc },
] as const;

/** Positions of the first record: at the start, and where the cursors change sign and wrap. */
export const FIRST_POSITIONS = [0, 2 ** 31 - 3, 2 ** 32 - 3];

export interface Setup {
  capacity: number;
  recordWords?: number;
  firstPosition?: number;
}

/** An empty ring, by default of 2-word records. */
export function ringAt(
  { Ring, kind }: (typeof RINGS)[number],
  { capacity, recordWords = 2, firstPosition = 0 }: Setup,
): SpscRing | SpmcRing {
  return Ring.attach(createRingBuffer(kind, { capacity, recordWords }, firstPosition));
}

/** A record of 2 words. */
export function record(value: number): Int32Array {
  return Int32Array.of(value, ~value);
}

/** Pops a record of 2 words: its value, or undefined when the ring is empty. */
export function popValue(ring: SpscRing | SpmcRing): number | undefined {
  const into = new Int32Array(2);
  if (!ring.pop(into)) return undefined;
  if (into[1] !== ~into[0]) throw new Error(`record ${into[0]} is torn`);
  return into[0];
}
