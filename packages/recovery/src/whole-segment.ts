import type { SegmentVerification } from '@fswal/format';

/** Whether this is a full segment: it is closed, and sound. */
export function isWhole({ status, state }: SegmentVerification): boolean {
  return status === 'OK' && state === 'sealed';
}
