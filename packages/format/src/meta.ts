import { dataView } from './bytes.js';
import { checksum } from './checksum.js';
import { MetaOffset as At, META_BYTES } from './layout.js';

/** The durable position: everything up to it is on the device and must verify. */
export interface DurablePosition {
  readonly segmentIndex: number;
  /** Byte in the segment file after the last durable event. */
  readonly offset: number;
  /** Id of the last durable event; 0 = none. */
  readonly eventId: bigint;
  /** XXH64 (seed 0) of the events of the block that holds the position, up to it; 0 at a block's end. */
  readonly prefixChecksum: bigint;
}

/** The 32 bytes of `wal_meta.dat`. */
export function encodeMeta(position: DurablePosition): Uint8Array {
  const bytes = new Uint8Array(META_BYTES);
  const view = dataView(bytes);
  view.setUint32(At.offset, position.offset, true);
  view.setUint32(At.segmentIndex, position.segmentIndex, true);
  view.setBigUint64(At.eventId, position.eventId, true);
  view.setBigUint64(At.prefixChecksum, position.prefixChecksum, true);
  view.setBigUint64(At.checksum, checksum(bytes.subarray(0, At.checksum), 0n), true);
  return bytes;
}

/**
 * The position that `wal_meta.dat` holds, or undefined where its size or checksum is wrong. The 16-byte file of a
 * version 1 writer is undefined too: its offset is that of the last block, which certifies nothing inside.
 */
export function decodeMeta(bytes: Uint8Array): DurablePosition | undefined {
  if (bytes.length !== META_BYTES) return undefined;
  const view = dataView(bytes);
  if (view.getBigUint64(At.checksum, true) !== checksum(bytes.subarray(0, At.checksum), 0n)) return undefined;
  return {
    segmentIndex: view.getUint32(At.segmentIndex, true),
    offset: view.getUint32(At.offset, true),
    eventId: view.getBigUint64(At.eventId, true),
    prefixChecksum: view.getBigUint64(At.prefixChecksum, true),
  };
}
