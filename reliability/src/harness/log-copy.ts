/* Whole directories as data, to try many faults on the same log. */
import fs from 'node:fs';
import { join } from 'node:path';

/** The regular files of a directory, by name. */
export type LogImage = ReadonlyMap<string, Uint8Array>;

/**
 * Every file as it is now. Of a log that is being written, and whose workers rest: what a SIGKILL would leave. A preparer
 * that is not done yet may rename a file meanwhile; then all is read anew.
 */
export function readImage(dir: string): Map<string, Uint8Array> {
  for (;;) {
    const names = fs.readdirSync(dir).sort();
    try {
      return new Map(names.map((name) => [name, new Uint8Array(fs.readFileSync(join(dir, name)))]));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !fs.existsSync(dir)) throw error;
    }
  }
}

/** Makes `dir` hold these files and nothing else. */
export function writeImage(dir: string, image: LogImage): void {
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of image) fs.writeFileSync(join(dir, name), bytes, { mode: 0o600 });
}

/** What differs between two images, one line each. */
export function differences(a: LogImage, b: LogImage): string[] {
  const names = [...new Set([...a.keys(), ...b.keys()])].sort();
  return names.flatMap((name) => {
    const [before, after] = [a.get(name), b.get(name)];
    if (before === undefined) return [`${name} is new`];
    if (after === undefined) return [`${name} is gone`];
    return Buffer.compare(before, after) === 0 ? [] : [`${name} was changed`];
  });
}
