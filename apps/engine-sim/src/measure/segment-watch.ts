import { join } from 'node:path';
import { WalError } from '@fswal/format';
import { listLogDirectory, readSegmentStart } from '@fswal/format/files';
import type { SegmentState } from '../run/segment-lives.js';

export interface SeenSegment {
  readonly segmentIndex: number;
  readonly state: SegmentState;
}

/**
 * Sees what has become of a log's segments by looking at its directory: it needs nobody's help, so it can where the
 * engine is dead. What comes and goes between two looks it does not see.
 */
export class SegmentWatch {
  readonly #dir: string;
  #states = new Map<number, SegmentState>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** @returns what has changed since the last look */
  look(): SeenSegment[] {
    const states = this.#list();
    const changes: SeenSegment[] = [];
    for (const [segmentIndex, state] of states) {
      if (this.#states.get(segmentIndex) !== state) changes.push({ segmentIndex, state });
    }
    for (const segmentIndex of this.#states.keys()) {
      if (!states.has(segmentIndex)) changes.push({ segmentIndex, state: 'deleted' });
    }
    this.#states = states;
    return changes;
  }

  #list(): Map<number, SegmentState> {
    const states = new Map<number, SegmentState>();
    try {
      for (const { name, segmentIndex, compressed } of listLogDirectory(this.#dir).segments) {
        // Both forms of one are there while it is compressed.
        if (!states.has(segmentIndex))
          states.set(segmentIndex, this.#stateOf(name, segmentIndex, compressed));
      }
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      if (error.code === 'DIRECTORY_NOT_FOUND') return states;
      // A look that fails has seen nothing; the log's own commands say what is wrong with it.
      return this.#states;
    }
    return states;
  }

  #stateOf(name: string, segmentIndex: number, compressed: boolean): SegmentState {
    if (compressed) return 'compressed';
    const known = this.#states.get(segmentIndex);
    if (known === 'persisted') return known;
    const start = readSegmentStart(join(this.#dir, name), segmentIndex, false);
    if (start === undefined) return known ?? 'prepared';
    const { closedNs, firstEventId } = start.header;
    if (closedNs !== 0n) return 'persisted';
    return firstEventId === 0n ? 'prepared' : 'active';
  }
}
