export type { DurableReport } from '@fswal/format/files';
export { EventBlock } from './event-block.js';
export type { EventPlace } from './event-place.js';
export {
  RECOVERY_CHANNELS,
  type RecoveryCloseMessage,
  type RecoveryDamageMessage,
  type RecoveryFailureMessage,
  type RecoveryOpenMessage,
  type RecoverySegmentMessage,
} from './recovery-channels.js';
export { RecoveryManager } from './recovery-manager.js';
export { RECOVERY_METRICS } from './recovery-metrics.js';
export type {
  EventViewClass,
  RecoveryMode,
  RecoveryOptions,
  RecoveryTelemetryOptions,
} from './recovery-options.js';
export type { Gap, RecoveryReport, TailRingReport, TornTail } from './recovery-report.js';
export { type RepairOptions, repairLog } from './repair/repair-log.js';
export type { RepairedFile, RepairReport } from './repair/repair-report.js';
export { type SalvagedSegment, salvageSegment, soundUnsealed } from './salvage-segment.js';
export type { SalvageOptions, UnsealedEvents } from './segment-salvage.js';
export type { RecoverySnapshot } from './telemetry.js';
