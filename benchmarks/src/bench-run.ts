import type { Place } from './place.js';

/** What a group is given to run with. */
export interface BenchRun extends Pick<Place, 'dir' | 'fileSystem'> {
  /** A smoke run of seconds: its figures mean nothing. */
  readonly quick: boolean;
  /** A new directory on tmpfs with so much room; undefined, and said why, where there is none. It is removed in the end. */
  tmpfs(needBytes: number): Pick<Place, 'dir' | 'fileSystem'> | undefined;
  /** Where to write a plot to, if one is wanted. */
  readonly plotFile: string | undefined;
  /** Says on a terminal what is going on. */
  progress(text: string): void;
}
