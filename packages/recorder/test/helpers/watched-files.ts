import fs from 'node:fs';
import { basename } from 'node:path';
import { WalError } from '@fswal/format';
import { loadProvider, systemError } from '@fswal/mmap';
import { Folder } from '../../src/folder.js';
import { SegmentFiles } from '../../src/segment-files.js';

export type Call =
  | { readonly what: 'write'; readonly file: string; readonly from: number; readonly to: number }
  | { readonly what: 'sync'; readonly file: string }
  | { readonly what: 'sync directory' };

/** Segment files that tell what is done to them, and fail on demand. */
export class WatchedFiles extends SegmentFiles {
  readonly calls: Call[] = [];
  /** Called before each call is made; an errno name that it returns is what the call fails with. */
  before: (call: Call) => string | undefined = () => undefined;

  constructor(dir: string) {
    super(Folder.open(dir, true), loadProvider());
  }

  override write(target: { fd: number; file: string }, bytes: Uint8Array, offset: number): void {
    const call = {
      what: 'write',
      file: basename(target.file),
      from: offset,
      to: offset + bytes.length,
    } as const;
    const failure = this.#see(call);
    if (failure !== undefined) {
      // A full disk takes a part before it says so.
      const done = fs.writeSync(target.fd, bytes, 0, Math.floor(bytes.length / 2), offset);
      const code = failure === 'ENOSPC' ? 'DISK_FULL' : 'WRITE_FAILED';
      throw new WalError(code, failure, { file: target.file, offset: offset + done });
    }
    super.write(target, bytes, offset);
  }

  override sync(fd: number, file: string): void {
    const failure = this.#see({ what: 'sync', file: basename(file) });
    if (failure !== undefined) {
      throw new WalError('FSYNC_FAILED', failure, { file, cause: systemError('fdatasync', 5) });
    }
    super.sync(fd, file);
  }

  override syncDirectory(): void {
    const failure = this.#see({ what: 'sync directory' });
    if (failure !== undefined) throw new WalError('FSYNC_FAILED', failure);
    super.syncDirectory();
  }

  #see(call: Call): string | undefined {
    const failure = this.before(call);
    this.calls.push(call);
    return failure;
  }
}
