import fs from 'node:fs';
import path from 'node:path';
import { BROKEN_SUFFIX, bytesInUse } from '@fswal/format';
import { closeFile, readRegularFile } from '@fswal/format/files';
import { syncDirectory } from '@fswal/mmap';
import { attempt, type SegmentFiles, TEMP_SUFFIX } from './segment-files.js';

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

  /** Renames a file, given by its path for system calls. @throws WalError WRITE_FAILED, FSYNC_FAILED */
  moveAside(file: string): void {
    const aside = unusedName(file);
    attempt('WRITE_FAILED', file, () => fs.renameSync(file, aside));
    syncDirectory(path.dirname(file));
    this.#movedAside.push(this.#files.folder.display(aside));
  }

  /**
   * Writes `bytes` to a file of their own, whole or not at all, without the zeros at their end. Where a killed
   * recorder kept the same bytes before, nothing is written.
   * @throws WalError DISK_FULL, WRITE_FAILED, FSYNC_FAILED
   */
  keepBytes(file: string, bytes: Uint8Array): void {
    const content = bytes.subarray(0, bytesInUse(bytes));
    const aside = unusedName(file, content);
    if (!holds(aside, content)) this.#write(aside, content);
    this.#movedAside.push(this.#files.folder.display(aside));
  }

  #write(file: string, content: Uint8Array): void {
    const temp = `${file}${TEMP_SUFFIX}`;
    const fd = attempt('WRITE_FAILED', temp, () =>
      fs.openSync(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600),
    );
    try {
      fs.fchmodSync(fd, 0o600);
      this.#files.write({ fd, file: temp }, content, 0);
      this.#files.sync(fd, temp);
      attempt('WRITE_FAILED', file, () => fs.renameSync(temp, file));
    } catch (error) {
      fs.rmSync(temp, { force: true });
      throw error;
    } finally {
      closeFile(fd, temp);
    }
    this.#files.syncDirectory();
  }
}

/** A name that nothing has, or a file that has this very content. */
function unusedName(file: string, content?: Uint8Array): string {
  for (let n = 0; ; n++) {
    const name = n === 0 ? `${file}${BROKEN_SUFFIX}` : `${file}.${n}${BROKEN_SUFFIX}`;
    if (fs.lstatSync(name, { throwIfNoEntry: false }) === undefined) return name;
    if (content !== undefined && holds(name, content)) return name;
  }
}

/** Whether `file` is there and has exactly this content. */
function holds(file: string, content: Uint8Array): boolean {
  const stats = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size !== content.length) return false;
  return Buffer.compare(readRegularFile(file, content.length), content) === 0;
}
