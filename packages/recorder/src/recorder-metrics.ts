/* The names of what a recorder measures, by component. README.md has the table of who writes what. */
import { VALIDATION_FAILURE_METRICS } from '@fswal/format';

/** In shared memory, each written by one thread. */
export const OWN_METRICS = {
  manager: {
    init_active_segment: {
      kind: 'duration',
      help: 'Opening: reading the end of the log and making it one to go on with.',
    },
    append_event: {
      kind: 'operation',
      help: 'Sampled appends, a reading of the clock included; its failures are all appends that were refused.',
    },
    append_event_histogram: { kind: 'histogram', help: 'The sampled appends.' },
    append_event_clock: { kind: 'duration', help: 'A reading of the clock, in each sampled append.' },
    segment_rotation: {
      kind: 'duration',
      help: 'From one segment to the next: closing it, getting the next one, beginning it.',
    },
    segment_rotation_histogram: { kind: 'histogram', help: 'The same.' },
    work_planning: { kind: 'duration', help: 'Planning what retention compresses and deletes next.' },
    persistence_hot_segments: {
      kind: 'gauge',
      unit: 'segments',
      help: 'Full segments kept as plain files.',
    },
    persistence_cold_segments: { kind: 'gauge', unit: 'segments', help: 'Segments kept compressed.' },
  },
  segment_writer: {
    open_new_segment: { kind: 'duration', help: 'Beginning to write a segment that was made ahead.' },
    open_existing_segment: {
      kind: 'duration',
      help: 'Opening: the descriptors of the segment that is written on.',
    },
    close_segment: {
      kind: 'duration',
      help: 'Handing a full segment, with its final header, to those who persist it.',
    },
    write_block: {
      kind: 'operation',
      help: 'Sealing up to 64 blocks and writing them; its failures are tries that found the disk full.',
    },
    written_blocks: { kind: 'counter', unit: 'blocks', help: 'Blocks sealed and written.' },
    written_events: { kind: 'counter', unit: 'events', help: 'Events written, sealed or not.' },
    lifecycle: { kind: 'lifecycle', help: "The writer's loop." },
  },
  segment_preparer: {
    get_next_segment: {
      kind: 'duration',
      help: 'Until the writer had the next segment: all but nothing where one was ready.',
    },
    prepare_segment: {
      kind: 'operation',
      help: 'Making one segment ahead; its failures are tries that found the disk full.',
    },
    recycled_segments: {
      kind: 'counter',
      unit: 'segments',
      help: 'Segments made of a file that retention had freed.',
    },
    lifecycle: { kind: 'lifecycle', help: "The preparer's loop." },
  },
  segment_maintainer: {
    maintenance_retention: {
      kind: 'operation',
      help: 'A segment over the limits, from the order until it was compressed or deleted.',
    },
    persistence_max_hot_segments: {
      kind: 'gauge',
      unit: 'segments',
      help: 'The limit of plain segments, the one being written included.',
    },
    persistence_max_cold_segments: {
      kind: 'gauge',
      unit: 'segments',
      help: 'The limit of compressed segments.',
    },
  },
  meta_store: {
    maintenance_meta_flush: { kind: 'operation', help: 'Replacing wal_meta.dat, until the device has it.' },
    fdatasync: { kind: 'operation', help: "The coordinator's fdatasync of a segment." },
    fdatasync_histogram: { kind: 'histogram', help: 'The same.' },
    durable_moves: {
      kind: 'duration',
      help: 'Moving the durable position: fdatasync of segments, then wal_meta.dat.',
    },
    lifecycle: { kind: 'lifecycle', help: "The coordinator's loop." },
  },
  tail_ring: {
    backpressure_waits: {
      kind: 'operation',
      help: 'Appends that found the tail ring full, and how long they waited; its failures got no room.',
    },
  },
} as const;

/** In shared memory, a set for each maintainer and one for the opening of the log; a snapshot adds them up. */
export const ADDED_METRICS = {
  manager: {
    persist_current_segment: {
      kind: 'operation',
      help: 'Bringing a full segment to the device, its final header last.',
    },
  },
  segment_writer: VALIDATION_FAILURE_METRICS,
  segment_maintainer: {
    persistence_lifecycle: { kind: 'lifecycle', help: "The maintainers' loops." },
    maintenance_compression: {
      kind: 'operation',
      help: 'Compressing a segment, verifying that and retiring the original.',
    },
    maintenance_compression_in: { kind: 'counter', unit: 'bytes', help: 'What was compressed.' },
    maintenance_compression_out: { kind: 'counter', unit: 'bytes', help: 'What it was compressed to.' },
    maintenance_deletion: { kind: 'operation', help: 'Taking a segment out of the log.' },
  },
} as const;

/** Computed when a snapshot is taken. */
export const COMPUTED_METRICS = {
  segment_preparer: {
    prepared_segments: {
      kind: 'gauge',
      unit: 'segments',
      help: 'Segments made ahead that the writer has not taken yet.',
    },
  },
  tail_ring: {
    occupancy: { kind: 'gauge', unit: 'events', help: 'Events that the tail ring has to keep.' },
    capacity: { kind: 'gauge', unit: 'events', help: 'Events that it has room for.' },
  },
  watermarks: {
    waiters: { kind: 'gauge', help: 'Pending calls of sync() and waitDurable().' },
    sealed_lag: {
      kind: 'gauge',
      unit: 'events',
      help: 'Events appended that are not in a segment file yet.',
    },
    sealed_lag_time: {
      kind: 'gauge',
      unit: 'ns',
      help: 'All that was appended longer ago than this is in a segment file.',
    },
    durable_lag: { kind: 'gauge', unit: 'events', help: 'Events appended that are not durable yet.' },
    durable_lag_time: {
      kind: 'gauge',
      unit: 'ns',
      help: 'All that was appended longer ago than this is durable.',
    },
  },
} as const;

/** The metrics of a recorder, by component. */
export const RECORDER_METRICS = {
  manager: { ...OWN_METRICS.manager, ...ADDED_METRICS.manager },
  segment_writer: { ...OWN_METRICS.segment_writer, ...ADDED_METRICS.segment_writer },
  segment_preparer: { ...OWN_METRICS.segment_preparer, ...COMPUTED_METRICS.segment_preparer },
  segment_maintainer: { ...OWN_METRICS.segment_maintainer, ...ADDED_METRICS.segment_maintainer },
  meta_store: OWN_METRICS.meta_store,
  tail_ring: { ...OWN_METRICS.tail_ring, ...COMPUTED_METRICS.tail_ring },
  watermarks: COMPUTED_METRICS.watermarks,
} as const;

/** For the lags alone, how far the threads have come. Times are those of `monotonicMs`. */
export const PROGRESS_METRICS = {
  /** writer: all that was appended before is in a segment file. */
  sealed_as_of: 'gauge',
  /** writer: all that had been appended then was durable. */
  idle_as_of: 'gauge',
  /** coordinator: all that was appended before is durable. */
  durable_as_of: 'gauge',
  /** coordinator: of the events that the writer has counted, those that are durable. */
  durable_events: 'gauge',
} as const;
