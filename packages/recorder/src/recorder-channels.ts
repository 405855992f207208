/* What a recorder publishes on `node:diagnostics_channel`, in the thread that has opened it. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { MaintenanceFailure } from './maintenance-failure.js';

/** Names of the channels. Who has subscribed to `segment` when a recorder is opened hears of its segments. */
export const RECORDER_CHANNELS = {
  open: 'fswal:recorder:open',
  close: 'fswal:recorder:close',
  failure: 'fswal:recorder:failure',
  segment: 'fswal:recorder:segment',
  maintenanceFailure: 'fswal:recorder:maintenance-failure',
} as const;

/**
 * The life of a segment. Not each one has all of it: what is sealed may be deleted without being compressed, and what was
 * prepared is deleted when the recorder closes without having used it.
 */
export type RecorderSegmentState = 'prepared' | 'active' | 'sealed' | 'persisted' | 'compressed' | 'deleted';

interface RecorderMessage {
  /** The log's directory, resolved. */
  readonly dir: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** On `open`: events are taken from now on. */
export interface RecorderOpenMessage extends RecorderMessage {
  /** The last event of the log, 0 = none. */
  readonly lastEventId: bigint;
}

/** On `close`: all is released, whether or not there was a failure. */
export interface RecorderCloseMessage extends RecorderMessage {
  readonly durableEventId: bigint;
}

/** On `failure`: the recorder could not be opened or closed, or takes no more events. At most once of each recorder. */
export interface RecorderFailureMessage extends RecorderMessage {
  readonly error: Error;
}

/** On `segment`: it has come to a state. In the order in which it happened, each state once. */
export interface RecorderSegmentMessage extends RecorderMessage {
  readonly segmentIndex: number;
  readonly state: RecorderSegmentState;
}

/**
 * On `maintenanceFailure`: a segment could not be compressed, such as one that has rotted, or not be taken out of the log.
 * It stays as it was, and the recorder goes on. Once for each segment and work.
 */
export interface RecorderMaintenanceFailureMessage extends RecorderMessage, MaintenanceFailure {}

interface MessageOf {
  open: RecorderOpenMessage;
  close: RecorderCloseMessage;
  failure: RecorderFailureMessage;
  segment: RecorderSegmentMessage;
  maintenanceFailure: RecorderMaintenanceFailureMessage;
}

const CHANNELS: { readonly [Name in keyof MessageOf]: Channel } = {
  open: channel(RECORDER_CHANNELS.open),
  close: channel(RECORDER_CHANNELS.close),
  failure: channel(RECORDER_CHANNELS.failure),
  segment: channel(RECORDER_CHANNELS.segment),
  maintenanceFailure: channel(RECORDER_CHANNELS.maintenanceFailure),
};

export function hasSubscribers(name: keyof MessageOf): boolean {
  return CHANNELS[name].hasSubscribers;
}

export function publish<Name extends keyof MessageOf>(name: Name, message: MessageOf[Name]): void {
  CHANNELS[name].publish(message);
}
