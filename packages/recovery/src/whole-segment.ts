import { verifySegment } from '@fswal/format';

/** Whether these are all bytes of a full segment: it is closed, and verifies by itself. */
export function isWholeSegment(bytes: Uint8Array, segmentIndex: number): boolean {
  const { status, state } = verifySegment(bytes, { segmentIndex });
  return status === 'OK' && state === 'sealed';
}
