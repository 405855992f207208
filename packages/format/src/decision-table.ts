/*
 * What is found in a log, and what is done about it. The recorder that resumes and the recovery that replays decide by
 * this table, the recovery that diagnoses and the repair begin where it refuses.
 *
 * The durable position W tells damage from a torn tail: everything up to it was on the device once, and must be there
 * and verify. What lies above it was being written, and a power cut may have left anything of it.
 */
import type { WalErrorCode } from './errors.js';

/** What is found. */
export type Evidence =
  /** Checksums and chain hold, ids grow. */
  | 'sound'
  /** Anything else, save for what follows. */
  | 'damaged'
  /** Sound as far as it goes: a cut file, a segment that was never filled, zeros. */
  | 'ends too early'
  /** Sound, but the durable event is not where W says. */
  | 'other event at W'
  /** One is missing between two that are there. */
  | 'segment missing'
  /** No event of its own: made ahead, of zeros or of a used file. */
  | 'unused'
  /** The device does not give it. */
  | 'unreadable'
  /** `wal_meta.dat` is missing, damaged, or the 16 bytes of a version 1 writer. */
  | 'no W'
  /** The tail ring goes on from the last event of the segments. */
  | 'ring goes on'
  /** The tail ring is damaged, or that of another log. */
  | 'ring is foreign';

/** Where. */
export type Place =
  /** At or below W. */
  | 'durable'
  /** Above W, and no block behind it verifies. */
  | 'beyond'
  /** Above W, and blocks behind it verify: pages reach the disk in any order. */
  | 'beyond, with sound blocks behind';

/**
 * - `keep`: it is part of the log.
 * - `tail`: the log ends before it.
 * - `refuse`: nothing at it or behind it is delivered, and nothing is changed. `code` is that of the error.
 * - `leave out`: it is no part of the log, and the log goes on without it.
 * - `derive`: the end of the newest closed segment stands for W.
 */
export type Decision =
  | { readonly do: 'keep' | 'tail' | 'leave out' | 'derive' }
  /** `its own`: the status that verification gave. */
  | { readonly do: 'refuse'; readonly code: WalErrorCode | 'its own' };

const keep: Decision = { do: 'keep' };
const tail: Decision = { do: 'tail' };
const leaveOut: Decision = { do: 'leave out' };
const derive: Decision = { do: 'derive' };
const refuse = (code: WalErrorCode | 'its own'): Decision => ({ do: 'refuse', code });

/**
 * For the places where the evidence can be found: only W can have another event, a ring is always beyond it, and only
 * behind damage, or a gap, blocks can be out of reach.
 */
export const DECISIONS = {
  sound: { durable: keep, beyond: keep },
  damaged: { ...everywhere(tail), durable: refuse('its own') },
  'ends too early': { durable: refuse('DURABLE_LOST'), beyond: tail },
  'other event at W': { durable: refuse('SEGMENT_CORRUPTED') },
  'segment missing': everywhere(refuse('SEGMENT_GAP')),
  unused: { durable: refuse('DURABLE_LOST'), beyond: leaveOut },
  unreadable: everywhere(refuse('READ_FAILED')),
  'no W': { durable: derive },
  'ring goes on': { beyond: keep },
  'ring is foreign': { beyond: leaveOut },
} as const satisfies Record<Evidence, Partial<Record<Place, Decision>>>;

function everywhere<D extends Decision>(decision: D): Record<Place, Decision> {
  return { durable: decision, beyond: decision, 'beyond, with sound blocks behind': decision };
}

/** @throws Error for evidence that cannot be found in that place */
export function decide(evidence: Evidence, place: Place): Decision {
  const row: Partial<Record<Place, Decision>> = DECISIONS[evidence];
  const decision = row[place];
  if (decision === undefined) throw new Error(`no decision on '${evidence}', ${place}`);
  return decision;
}
