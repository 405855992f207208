export type { DurableReport } from '@fswal/format/files';
export { RecoveryManager } from './recovery-manager.js';
export type { EventViewClass, RecoveryOptions } from './recovery-options.js';
export type { RecoveryReport, TailRingReport, TornTail } from './recovery-report.js';
export { RECOVERY_METRICS, type RecoverySnapshot } from './telemetry.js';
