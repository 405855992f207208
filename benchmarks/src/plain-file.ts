import fs from 'node:fs';

const WRITE_BYTES = 1_048_576;

/** How a plain file is written: what a log cannot be faster than. */
export interface PlainWrites {
  readonly file: string;
  readonly bytes: number;
  /** Written over from the beginning, if it is there, rather than made anew. */
  readonly keep: boolean;
  /** From one fdatasync to the next; 0: after each write. */
  readonly syncIntervalMs: number;
}

/** Writes a file from end to end in writes of 1 MB, until all is on the device. */
export function writePlainFile({ file, bytes, keep, syncIntervalMs }: PlainWrites): void {
  const { O_CREAT, O_TRUNC, O_WRONLY } = fs.constants;
  const chunk = Buffer.alloc(WRITE_BYTES, 0xa5);
  const fd = fs.openSync(file, O_WRONLY | O_CREAT | (keep ? 0 : O_TRUNC), 0o600);
  try {
    let syncedMs = performance.now();
    for (let offset = 0; offset < bytes; ) {
      offset += fs.writeSync(fd, chunk, 0, Math.min(WRITE_BYTES, bytes - offset), offset);
      if (performance.now() - syncedMs < syncIntervalMs) continue;
      fs.fdatasyncSync(fd);
      syncedMs = performance.now();
    }
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
