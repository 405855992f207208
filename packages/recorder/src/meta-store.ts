import fs from 'node:fs';
import { type DurablePosition, encodeMeta, META_FILE, META_TEMP_FILE } from '@fswal/format';
import { attempt, type SegmentFiles } from './segment-files.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** Writes `wal_meta.dat`: whole or not at all, and on the device when `store` returns. */
export class MetaStore {
  readonly #files: SegmentFiles;

  constructor(files: SegmentFiles) {
    this.#files = files;
  }

  /** @throws WalError WRITE_FAILED, DISK_FULL, FSYNC_FAILED: the old file is still there */
  store(position: DurablePosition): void {
    const temp = this.#files.path(META_TEMP_FILE);
    attempt('WRITE_FAILED', temp, () => fs.rmSync(temp, { force: true }));
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = attempt('WRITE_FAILED', temp, () => fs.openSync(temp, flags, 0o600));
    try {
      this.#files.write({ fd, file: temp }, encodeMeta(position), 0);
      this.#files.sync(fd, temp);
    } finally {
      fs.closeSync(fd);
    }
    attempt('FSYNC_FAILED', temp, () => fs.renameSync(temp, this.#files.path(META_FILE)));
    this.#files.syncDirectory();
  }
}
