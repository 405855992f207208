import { type Snapshot, Telemetry } from '@fswal/telemetry';

/** The metrics of a recovery. Each is written by one thread; durations are in nanoseconds. */
export const RECOVERY_METRICS = {
  /** preloader: reading one segment file. */
  preload_segment: 'duration',
  /** preloader: verifying it. */
  verify_segment: 'duration',
  /** preloader: bytes of segment files read. */
  preload_bytes: 'counter',
  /** replay: events delivered, window by window. */
  replay_events: 'counter',
  /** replay: a seek, until the first event is there. */
  seek_event: 'duration',
  /** replay: waiting for a window that was not ready yet. */
  replay_wait: 'duration',
} as const;

export type RecoverySnapshot = Snapshot<typeof RECOVERY_METRICS>;
export type RecoveryMetrics = Telemetry<typeof RECOVERY_METRICS>;

/** All at zero, or those that another thread created. */
export function recoveryMetrics(buffer?: SharedArrayBuffer): RecoveryMetrics {
  return buffer === undefined
    ? Telemetry.create(RECOVERY_METRICS)
    : Telemetry.attach(RECOVERY_METRICS, buffer);
}
