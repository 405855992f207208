import type { WalError, WalErrorCode } from '@fswal/format';

/** What maintainers do with segments that are full and persisted. */
export type MaintenanceWork = 'compression' | 'deletion';

/** What a maintainer tells of work that failed; the segment stays as it was. */
export interface MaintenanceFailure {
  readonly segmentIndex: number;
  readonly work: MaintenanceWork;
  readonly reason: WalErrorCode;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export function maintenanceFailure(
  segmentIndex: number,
  work: MaintenanceWork,
  { code, message }: WalError,
): MaintenanceFailure {
  return { segmentIndex, work, reason: code, message, at: Date.now() };
}
