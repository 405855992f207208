import path from 'node:path';
import { type SegmentFile, WalError } from '@fswal/format';
import { closeFile, openRegularFile } from '@fswal/format/files';
import { loadProvider, type MmapProvider } from '@fswal/mmap';

/** Has the device read the segment after the one that is verified meanwhile. Only a hint: nothing depends on it. */
export class SegmentReadAhead {
  readonly #dir: string;
  readonly #provider: MmapProvider;

  private constructor(dir: string, provider: MmapProvider) {
    this.#dir = dir;
    this.#provider = provider;
  }

  /**
   * Loads native code: to be called before anybody may end the thread, since that in the midst of loading it ends the
   * process.
   * @returns undefined where none loads: a log can be read all the same
   */
  static load(dir: string): SegmentReadAhead | undefined {
    try {
      return new SegmentReadAhead(dir, loadProvider());
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  /** Asks for all of a segment file. What keeps it from being read is told by whoever reads it. */
  request({ name }: SegmentFile): void {
    const file = path.join(this.#dir, name);
    try {
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
