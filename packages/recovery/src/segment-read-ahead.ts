import path from 'node:path';
import { type SegmentFile, WalError } from '@fswal/format';
import { closeFile, openRegularFile } from '@fswal/format/files';
import { loadProvider, type MmapProvider } from '@fswal/mmap';

/** Has the device read the segment after the one that is verified meanwhile. Only a hint: nothing depends on it. */
export class SegmentReadAhead {
  readonly #dir: string;
  #provider: MmapProvider | 'none' | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Asks for all of a segment file. What keeps it from being read is told by whoever reads it. */
  request({ name }: SegmentFile): void {
    try {
      this.#provider ??= providerOrNone();
      if (this.#provider === 'none') return;
      const file = path.join(this.#dir, name);
      const { fd } = openRegularFile(file);
      try {
        this.#provider.willNeed(fd);
      } finally {
        closeFile(fd, file);
      }
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
    }
  }
}

/** A log can be read where native code does not load. */
function providerOrNone(): MmapProvider | 'none' {
  try {
    return loadProvider();
  } catch (error) {
    if (error instanceof WalError) return 'none';
    throw error;
  }
}
