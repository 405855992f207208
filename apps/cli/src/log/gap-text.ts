import type { Gap } from '@fswal/recovery';

/** `BLOCK_CHECKSUM_MISMATCH, blocks 5 to 6, offset 82304, between event 1280 and event 1793: why`, for people. */
export function describeGap({ reason, message, block, blocks, offset, ...ids }: Gap): string {
  const range = blocks > 1 ? `blocks ${block} to ${block + blocks - 1}, ` : `block ${block}, `;
  // Of a file's frame or header, a link, a missing segment.
  const where = blocks === 0 ? '' : range;
  return `${reason}, ${where}offset ${offset}, ${betweenEvents(ids)}: ${message}`;
}

/** `between event 1280 and event 1793`, or `and the end`. */
export function betweenEvents({
  afterEventId,
  beforeEventId,
}: Pick<Gap, 'afterEventId' | 'beforeEventId'>): string {
  const before = beforeEventId === 0n ? 'the end' : `event ${beforeEventId}`;
  return `between event ${afterEventId} and ${before}`;
}
