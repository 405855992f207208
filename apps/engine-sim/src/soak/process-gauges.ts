import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** What a soak watches of its own process, in the order of a sample's values. */
export const GAUGES = [
  { name: 'rss', label: 'RSS', unit: 'bytes' },
  { name: 'heapUsed', label: 'engine heap', unit: 'bytes' },
  { name: 'external', label: 'engine external', unit: 'bytes' },
  { name: 'arrayBuffers', label: 'engine buffers', unit: 'bytes' },
  { name: 'descriptors', label: 'descriptors', unit: 'count' },
  { name: 'maps', label: 'mapped areas', unit: 'count' },
  { name: 'threads', label: 'threads', unit: 'count' },
] as const;

export type GaugeName = (typeof GAUGES)[number]['name'];

const PROC = '/proc/self';
const CHUNK_BYTES = 65_536;
const NEWLINE = 10;

/** Reads the gauges of this process: of all its threads, but for the three of V8, which are of the engine's thread alone. */
export class ProcessGauges {
  /** Whether the engine's thread collects all its garbage before each reading: only where the process was started with --expose-gc. */
  readonly forcesGc = typeof globalThis.gc === 'function';
  /** Reused, so that reading does not add to what is read. */
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  /** Since the last reading. */
  #lowestRss = Number.POSITIVE_INFINITY;
  #fewestDescriptors = Number.POSITIVE_INFINITY;

  /**
   * To be called often between two readings. A thread that compresses a segment holds it several times over for a moment;
   * and opens and closes files: the lowest RSS and the fewest descriptors of a second are what the process keeps.
   */
  observe(): void {
    this.#lowestRss = Math.min(this.#lowestRss, process.memoryUsage.rss());
    // Without the descriptor by which the directory is read.
    this.#fewestDescriptors = Math.min(this.#fewestDescriptors, readdirSync(`${PROC}/fd`).length - 1);
  }

  /** @throws Error of the file system where there is no /proc */
  read(into: Float64Array, at: number): void {
    globalThis.gc?.();
    this.observe();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    into[at] = this.#lowestRss;
    this.#lowestRss = Number.POSITIVE_INFINITY;
    into[at + 1] = heapUsed;
    into[at + 2] = external;
    into[at + 3] = arrayBuffers;
    into[at + 4] = this.#fewestDescriptors;
    this.#fewestDescriptors = Number.POSITIVE_INFINITY;
    into[at + 5] = this.#countLines(`${PROC}/maps`);
    into[at + 6] = readdirSync(`${PROC}/task`).length;
  }

  #countLines(path: string): number {
    const chunk = this.#chunk;
    const fd = openSync(path, 'r');
    try {
      let lines = 0;
      for (let bytes = readSync(fd, chunk); bytes > 0; bytes = readSync(fd, chunk)) {
        for (let i = 0; i < bytes; i++) if (chunk[i] === NEWLINE) lines++;
      }
      return lines;
    } finally {
      closeSync(fd);
    }
  }
}
