import { type DurablePosition, encodeMeta, META_FILE } from '@fswal/format';
import type { SegmentFiles } from './segment-files.js';

/** Writes `wal_meta.dat`: whole or not at all, and on the device when `store` returns. */
export class MetaStore {
  readonly #files: SegmentFiles;

  constructor(files: SegmentFiles) {
    this.#files = files;
  }

  /** @throws WalError WRITE_FAILED, DISK_FULL, FSYNC_FAILED: the old file is still there */
  store(position: DurablePosition): void {
    this.#files.replace(META_FILE, encodeMeta(position));
  }
}
