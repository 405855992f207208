import type { Status } from './errors.js';
import type { SegmentHeader } from './segment-header.js';
import { SegmentWalk } from './segment-walk.js';

/** What the segment before one says of it. */
export interface PreviousSegment {
  /** Last event id in it, or in any segment before it. */
  readonly lastEventId: bigint;
  /** Chained checksum of its last block: the seed of the next segment in version 2. Undefined where nobody knows it. */
  readonly chainedChecksum: bigint | undefined;
  /** Whether nothing can be missing at its end: it is sealed, or every block of it is full. */
  readonly complete: boolean;
}

export interface VerifyOptions {
  /** The index that the file's name gives; the header must say the same. */
  readonly segmentIndex?: number;
  /** The segment before. Without it this one is an anchor: its first block's link is taken as it stands. */
  readonly previous?: PreviousSegment;
  /** For an anchor: the log begins after this event, and smaller ids are not of this segment. Default 0. */
  readonly afterEventId?: bigint;
  /**
   * Called before bytes up to this offset are looked at. Whoever reads the file into `bytes` meanwhile brings them now, a
   * little at a time: what is still in the cache is verified at twice the speed.
   */
  readonly need?: (endOffset: number) => void;
  /**
   * What was found in the same segment before, while it was being written: its sealed blocks are taken as they were found
   * then, and not looked at again. The other options are those of then.
   */
  readonly found?: SegmentVerification | undefined;
}

/** Where in a segment verification stopped, and why. */
export interface DamagePlace {
  readonly block: number;
  /** Byte in the file. */
  readonly offset: number;
  /** The last sound event before the damage, here or in the segment before; 0 = none. */
  readonly eventId: bigint;
  readonly message: string;
}

/**
 * - `sealed`: the header is final.
 * - `open`: being written, or left by a killed process: sealed blocks, then perhaps an unsealed one.
 * - `prepared`: made ahead, no event of its own yet.
 * - `unreadable`: no sound header.
 */
export type SegmentState = 'sealed' | 'open' | 'prepared' | 'unreadable';

/** What `verifySegment` found. Everything before `endOffset` is sound, whatever `status` says. */
export interface SegmentVerification {
  /** OK, or the first damage from the front. */
  readonly status: Status;
  readonly state: SegmentState;
  readonly header: SegmentHeader | undefined;
  /** Sound sealed blocks from block 0 on. */
  readonly blocks: number;
  /** Events of the unsealed block after them, told by growing ids. No checksum covers these. */
  readonly tailEvents: number;
  /** Sound events in all, those of the unsealed block included. */
  readonly events: number;
  /** 0 = no event. */
  readonly firstEventId: bigint;
  /** Last sound event; 0 = no event. */
  readonly lastEventId: bigint;
  /** Chained checksum of the last sound sealed block; the seed where there is none. */
  readonly chainedChecksum: bigint;
  /** Byte after the last sound event. */
  readonly endOffset: number;
  /** The same two of the sealed blocks alone. */
  readonly sealedLastEventId: bigint;
  readonly sealedEndOffset: number;
  /** How many whole blocks the file has room for. */
  readonly capacityBlocks: number;
  readonly at?: DamagePlace;
}

/**
 * Verifies the bytes of one segment file from the front: headers, checksums, chain and the growth of ids, down to the
 * last used event. Behind it anything may lie in a sealed segment; in one that is open, anything but greater ids.
 */
export function verifySegment(bytes: Uint8Array, options: VerifyOptions = {}): SegmentVerification {
  const walk = new SegmentWalk(bytes, options);
  walk.run();
  return walk.result();
}

/** Whether this is a full segment: it is closed, and sound. */
export function isWhole({ status, state }: SegmentVerification): boolean {
  return status === 'OK' && state === 'sealed';
}
