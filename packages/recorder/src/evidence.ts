import fs from 'node:fs';
import path from 'node:path';
import { BROKEN_SUFFIX } from '@fswal/format';
import { syncDirectory } from '@fswal/mmap';
import { attempt, type SegmentFiles } from './segment-files.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = fs.constants;

/** Keeps what is damaged or cut off, beside where it was, under names that end in `.broken`. */
export class Evidence {
  readonly #files: SegmentFiles;
  readonly #movedAside: string[] = [];

  constructor(files: SegmentFiles) {
    this.#files = files;
  }

  /** The files kept so far, by their new names. */
  get movedAside(): readonly string[] {
    return this.#movedAside;
  }

  /** Renames a file. @throws WalError WRITE_FAILED, FSYNC_FAILED */
  moveAside(file: string): void {
    const aside = unusedName(file);
    attempt('WRITE_FAILED', file, () => fs.renameSync(file, aside));
    syncDirectory(path.dirname(file));
    this.#movedAside.push(aside);
  }

  /** Writes `bytes` to a file of their own, without the zeros at their end. @throws WalError DISK_FULL, WRITE_FAILED */
  keepBytes(name: string, bytes: Uint8Array): void {
    const aside = unusedName(name);
    const fd = attempt('WRITE_FAILED', aside, () =>
      fs.openSync(aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600),
    );
    try {
      this.#files.write({ fd, file: aside }, withoutZerosAtEnd(bytes), 0);
      this.#files.sync(fd, aside);
    } catch (error) {
      fs.rmSync(aside, { force: true });
      throw error;
    } finally {
      fs.closeSync(fd);
    }
    this.#files.syncDirectory();
    this.#movedAside.push(aside);
  }
}

function unusedName(file: string): string {
  for (let n = 0; ; n++) {
    const name = n === 0 ? `${file}${BROKEN_SUFFIX}` : `${file}.${n}${BROKEN_SUFFIX}`;
    if (fs.lstatSync(name, { throwIfNoEntry: false }) === undefined) return name;
  }
}

function withoutZerosAtEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}
