export {
  type CompressLogOptions,
  type CompressLogReport,
  compressLog,
  type SkippedSegment,
} from './compress-log.js';
export type { LogPosition } from './control.js';
export type {
  Durability,
  EventViewClass,
  RecorderOptions,
  TelemetryOptions,
  VolatilePlace,
} from './options.js';
export type { LogPlace } from './place.js';
export {
  RECORDER_CHANNELS,
  type RecorderCloseMessage,
  type RecorderFailureMessage,
  type RecorderMaintenanceFailureMessage,
  type RecorderOpenMessage,
  type RecorderSegmentMessage,
  type RecorderSegmentState,
} from './recorder-channels.js';
export { RecorderManager, type RetentionPlanStep } from './recorder-manager.js';
export { RECORDER_METRICS } from './recorder-metrics.js';
export type { ResumeReport } from './resume.js';
export type { RetentionStep } from './retention.js';
export type { RecorderSnapshot } from './telemetry.js';
export { Watermarks, type WatermarkValues } from './watermarks.js';
