import { benchAppend, benchFlatOut, benchGarbage } from './append.js';
import type { BenchGroup } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { benchGroupCommit } from './group-commit.js';
import { benchPipeline } from './pipeline.js';
import { benchReplay } from './replay.js';
import { benchRing } from './ring.js';
import { benchScan } from './scan.js';
import { benchSeek } from './seek.js';
import { benchSteady } from './steady.js';
import { benchSustained } from './sustained.js';
import { benchSync } from './sync.js';
import { benchTail } from './tail.js';
import { benchTailRing } from './tail-ring.js';
import { benchTelemetry } from './telemetry.js';

/** A group of the command line. */
export interface GroupEntry {
  /** One line. */
  readonly help: string;
  /** Not among those that run when none is named: it takes one to two minutes by itself. */
  readonly long?: boolean;
  run(run: BenchRun): Promise<BenchGroup | BenchGroup[]>;
}

export const GROUPS: Readonly<Record<string, GroupEntry>> = {
  ring: { help: 'records through the rings, beside ringbuf.js', run: benchRing },
  append: {
    help: 'append in bursts, beside the floor and what one would use instead',
    run: ({ dir, fileSystem }) => benchAppend(dir, fileSystem),
  },
  'flat-out': {
    help: 'append far beyond the tail ring, into new files',
    run: ({ dir, fileSystem }) => benchFlatOut(dir, fileSystem),
  },
  garbage: {
    help: 'collections of garbage while appending',
    run: ({ dir, fileSystem }) => benchGarbage(dir, fileSystem),
  },
  replay: {
    help: 'reading a log back',
    run: ({ dir, fileSystem }) => benchReplay(dir, fileSystem),
  },
  sync: {
    help: 'one event made durable at a time',
    run: ({ dir, fileSystem }) => benchSync(dir, fileSystem),
  },
  pipeline: {
    help: 'a log from open to close, beside XXH64 alone; warm, and cold where that may be had',
    long: true,
    run: benchPipeline,
  },
  scan: {
    help: 'all events in order, beside lmdb, better-sqlite3, classic-level and event-storage',
    long: true,
    run: benchScan,
  },
  seek: {
    help: 'seeks in a log of 1,000 segments; going from segment to segment',
    long: true,
    run: benchSeek,
  },
  tail: {
    help: 'the latency of every append, in bursts and at fixed rates, beside the floor; --plot',
    long: true,
    run: benchTail,
  },
  'tail-ring': {
    help: 'the same by place and size of the tail ring',
    long: true,
    run: benchTailRing,
  },
  telemetry: {
    help: 'what timing one append in so many costs the appends',
    long: true,
    run: benchTelemetry,
  },
  group: {
    help: 'group commit with 1, 16 and 256 who wait, beside better-sqlite3 and lmdb',
    long: true,
    run: benchGroupCommit,
  },
  sustained: {
    help: 'mode interval with the device as the limit, beside plain sequential writes (4 GB of room)',
    long: true,
    run: benchSustained,
  },
  steady: {
    help: '100 million events with retention, files used again or not',
    long: true,
    run: benchSteady,
  },
};
