import { WalError } from '../errors.js';
import { blockOffset } from '../layout.js';
import { decodeSegmentHeader } from '../segment-header.js';
import { soundBlock } from '../sound-block.js';
import { readSegmentFile } from './read-segment-file.js';
import { fromSegmentFile } from './read-segment-start.js';

/**
 * The last event in the sealed blocks of a segment whose header has rotted. A disk writes the header and the front of
 * the first block at once, in one sector: where that block is sound and the header is not, both were once, and the
 * segment is not one that a power cut has torn.
 *
 * @param afterEventId the last event before: what a recycled file held is not above it
 * @returns undefined where the header is sound, or the first block is not
 * @throws WalError READ_FAILED, OPEN_FAILED as `readSegmentStart`
 */
export function lastEventBehindRot(
  file: string,
  compressed: boolean,
  afterEventId: bigint,
): bigint | undefined {
  const bytes = fromSegmentFile(() => readSegmentFile(file, compressed));
  if (bytes === undefined || !hasDamagedHeader(bytes)) return undefined;
  let last = soundBlock(bytes, 0, afterEventId)?.lastEventId;
  if (last === undefined) return undefined;
  for (let block = 1; blockOffset(block) < bytes.length; block++) {
    last = soundBlock(bytes, block, last)?.lastEventId ?? last;
  }
  return last;
}

function hasDamagedHeader(bytes: Uint8Array): boolean {
  try {
    decodeSegmentHeader(bytes);
    return false;
  } catch (error) {
    if (error instanceof WalError) return error.code === 'HEADER_CHECKSUM_MISMATCH';
    throw error;
  }
}
