import { checksum, EVENT_BYTES, EVENT_ID_OFFSET, EVENT_WORDS, RequestEvent, WORD_BYTES } from '@fswal/format';
import { WordReader, type WordWriter } from '../engine/state-words.js';
import { Venue } from '../engine/venue.js';

/*
 * A checkpoint: the state of a venue after an event, and that event. All integers are little-endian.
 *
 *     header (16 B) | event (64 B) | state (words of 4 B) | checksum (8 B)
 *
 * The event is the whole of the last one applied, its id first. A log that has another event under that id is not the
 * one that the state came from, or went on differently since.
 */
const Offset = {
  /** u32 */
  magic: 0,
  /** u16 */
  version: 4,
  /** u16, zero */
  padding: 6,
  /** u64: of the whole file, so that one that was cut off is told from one that was changed. */
  fileBytes: 8,
  event: 16,
  /** Words as `Venue.writeTo` writes them. */
  state: 16 + EVENT_BYTES,
} as const;
/** u64: XXH64 (seed 0) of all bytes before it. */
const CHECKSUM_BYTES = 8;

if (Offset.event % WORD_BYTES !== 0) throw new Error('the event does not begin with a word');

/** "FSCP" */
const MAGIC = 0x50435346;
const VERSION = 1;
const LEAST_BYTES = Offset.state + CHECKSUM_BYTES;

/** Eleven million resting orders. */
export const MAX_CHECKPOINT_BYTES = 2 ** 28;

/** A state to go on from. */
export interface Checkpoint {
  /** The last event that the state contains. */
  readonly event: RequestEvent;
  readonly venue: Venue;
}

/**
 * The bytes of a checkpoint. They lie in the memory of `words`, and are good until that is used again.
 * @param event the last one that `venue` applied
 * @throws RangeError for a state above MAX_CHECKPOINT_BYTES
 */
export function encodeCheckpoint(event: RequestEvent, venue: Venue, words: WordWriter): Uint8Array {
  words.clear();
  for (let i = 0; i < Offset.event / WORD_BYTES; i++) words.add(0);
  for (let i = 0; i < EVENT_WORDS; i++) words.add(event.words[event.base + i]);
  venue.writeTo(words);
  words.addNumber(0);
  const { buffer, byteOffset, byteLength } = words.words;
  if (byteLength > MAX_CHECKPOINT_BYTES) {
    throw new RangeError(`a state of ${byteLength} bytes: a checkpoint has at most ${MAX_CHECKPOINT_BYTES}`);
  }
  const view = new DataView(buffer, byteOffset, byteLength);
  view.setUint32(Offset.magic, MAGIC, true);
  view.setUint16(Offset.version, VERSION, true);
  view.setBigUint64(Offset.fileBytes, BigInt(byteLength), true);
  const end = byteLength - CHECKSUM_BYTES;
  view.setBigUint64(end, checksum(new Uint8Array(buffer, byteOffset, end), 0n), true);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * Id of the event up to which this is a checkpoint.
 * @throws UnusableCheckpoint for bytes that are not one, whole and unchanged
 */
export function checkpointedEventId(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LEAST_BYTES || bytes.length % WORD_BYTES !== 0) {
    throw new UnusableCheckpoint(
      `it has ${bytes.length} bytes, and a checkpoint whole words, ${LEAST_BYTES} at least`,
    );
  }
  if (view.getUint32(Offset.magic, true) !== MAGIC) throw new UnusableCheckpoint('it is not a checkpoint');
  const version = view.getUint16(Offset.version, true);
  if (version !== VERSION) throw new UnusableCheckpoint(`its version is ${version}, not ${VERSION}`);
  const fileBytes = view.getBigUint64(Offset.fileBytes, true);
  if (fileBytes !== BigInt(bytes.length)) {
    throw new UnusableCheckpoint(`it has ${bytes.length} bytes, and was written with ${fileBytes}`);
  }
  const end = bytes.length - CHECKSUM_BYTES;
  if (view.getBigUint64(end, true) !== checksum(bytes.subarray(0, end), 0n)) {
    throw new UnusableCheckpoint('it does not match its checksum');
  }
  return view.getBigUint64(Offset.event + EVENT_ID_OFFSET, true);
}

/** @throws UnusableCheckpoint for bytes that are not a checkpoint, whole and unchanged */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  checkpointedEventId(bytes);
  // A copy is aligned, whatever the bytes are.
  const words = new Int32Array(bytes.slice(Offset.event, bytes.length - CHECKSUM_BYTES).buffer);
  return {
    event: new RequestEvent(words.slice(0, EVENT_WORDS)),
    venue: readState(words.subarray(EVENT_WORDS)),
  };
}

function readState(words: Int32Array): Venue {
  const reader = new WordReader(words);
  try {
    const venue = Venue.readFrom(reader);
    if (reader.left > 0) throw new RangeError(`the state goes on for ${reader.left} words after its end`);
    return venue;
  } catch (error) {
    if (error instanceof RangeError) throw new UnusableCheckpoint(error.message, { cause: error });
    throw error;
  }
}

/** Why a checkpoint is not gone on from. It is left as it is. */
export class UnusableCheckpoint extends Error {
  override readonly name = 'UnusableCheckpoint';
}
