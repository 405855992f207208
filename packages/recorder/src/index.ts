export type { LogPosition } from './control.js';
export type { EventViewClass, RecorderOptions } from './options.js';
export { RecorderManager } from './recorder-manager.js';
export type { ResumeReport } from './resume.js';
export { RECORDER_METRICS, type RecorderSnapshot } from './telemetry.js';
