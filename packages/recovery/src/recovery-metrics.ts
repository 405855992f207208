/* The names of what a recovery measures, by component. README.md has the table of who writes what. */
import { VALIDATION_FAILURE_METRICS } from '@fswal/format';

/** In shared memory, each written by one thread. */
export const OWN_METRICS = {
  manager: {
    read_segment_header: {
      kind: 'duration',
      help: 'Reading the front of a segment, to find where an event is.',
    },
    resume_from_event: {
      kind: 'duration',
      help: 'From the call of open() until the first event was read and verified.',
    },
    seek_event: { kind: 'operation', help: 'A seek, until its event was there; its failures found none.' },
    next_event: {
      kind: 'operation',
      help: 'Sampled calls of next() that enter a block, a reading of the clock included; its failures are all that threw.',
    },
    next_event_histogram: { kind: 'histogram', help: 'The sampled calls.' },
    next_event_clock: { kind: 'duration', help: 'A reading of the clock, in each sampled call.' },
    replay_events: { kind: 'counter', unit: 'events', help: 'Events delivered, window by window.' },
    replay_wait: { kind: 'duration', help: 'Waiting for a window that was not ready yet.' },
  },
  segment_reader: {
    open_segment: { kind: 'operation', help: 'Opening a segment file.' },
    close_segment: { kind: 'operation', help: 'Closing it.' },
    verify_segment: { kind: 'operation', help: 'Verifying a segment; its failures did not verify.' },
    build_index: { kind: 'duration', help: 'Listing the segments of the log, by which they are found.' },
    seek_event: { kind: 'operation', help: 'Finding an event in its segment, and reading around it.' },
    ...VALIDATION_FAILURE_METRICS,
  },
  segment_preloader: {
    preload_segment: { kind: 'duration', help: 'Reading a segment file, and unpacking it.' },
    preload_bytes: { kind: 'counter', unit: 'bytes', help: 'Bytes of segments read, unpacked.' },
    preloaded_events: { kind: 'counter', unit: 'events', help: 'Events handed to the replay.' },
    finish_segment: { kind: 'duration', help: 'How long the replay had a window before it gave it back.' },
  },
} as const;

/** Computed when a snapshot is taken. */
export const COMPUTED_METRICS = {
  follower: {
    lag: { kind: 'gauge', unit: 'events', help: 'Events that are read and verified, and not delivered yet.' },
    lag_time: {
      kind: 'gauge',
      unit: 'ns',
      help: 'How long the first of them has been waiting to be delivered.',
    },
  },
} as const;

/** The metrics of a recovery, by component. */
export const RECOVERY_METRICS = { ...OWN_METRICS, ...COMPUTED_METRICS } as const;
