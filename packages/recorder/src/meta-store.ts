import { type DurablePosition, encodeMeta, META_BYTES, META_FILE } from '@fswal/format';
import type { SegmentFiles } from './segment-files.js';

/** Writes `wal_meta.dat`: whole or not at all, and on the device when `store` returns. */
export class MetaStore {
  readonly #files: SegmentFiles;
  #reserved = false;

  constructor(files: SegmentFiles) {
    this.#files = files;
  }

  /** @throws WalError WRITE_FAILED, DISK_FULL, FSYNC_FAILED: the old file is still there */
  store(position: DurablePosition): void {
    const reserved = this.#reserved;
    this.#reserved = false;
    this.#files.replace(META_FILE, encodeMeta(position), reserved);
  }

  /**
   * Takes the room for the next `store` now, so that a disk that fills up does not keep what is in segments already
   * from becoming durable. Where it is full, that one looks for room itself.
   * @throws WalError OPEN_FAILED, WRITE_FAILED
   */
  reserve(): void {
    if (!this.#reserved) this.#reserved = this.#files.reserve(META_FILE, META_BYTES);
  }
}
