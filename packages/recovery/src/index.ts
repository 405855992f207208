export type { DurableReport } from '@fswal/format/files';
export { EventBlock } from './event-block.js';
export type { EventPlace } from './event-place.js';
export { RecoveryManager } from './recovery-manager.js';
export type { EventViewClass, RecoveryMode, RecoveryOptions } from './recovery-options.js';
export type { Gap, RecoveryReport, TailRingReport, TornTail } from './recovery-report.js';
export { type RepairOptions, repairLog } from './repair/repair-log.js';
export type { RepairedFile, RepairReport } from './repair/repair-report.js';
export { RECOVERY_METRICS, type RecoverySnapshot } from './telemetry.js';
