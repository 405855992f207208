import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of its own, gone when the test is over. */
export function newDir(parent = tmpdir()): string {
  const dir = fs.mkdtempSync(join(parent, 'fswal-recorder-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A path in a directory of its own where nothing is yet. */
export function newLogDir(parent?: string): string {
  return join(newDir(parent), 'log');
}

/** Memory where there is such a thing: for tests that open a log hundreds of times, and cut no power. */
export const FAST = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export type Snapshot = ReadonlyMap<string, Buffer>;

/** Every file of a directory with its content. */
export function snapshot(dir: string): Snapshot {
  const names = fs.readdirSync(dir).sort();
  return new Map(names.map((name) => [name, fs.readFileSync(join(dir, name))]));
}

/** Makes `dir` hold exactly what it held then. */
export function restore(dir: string, files: Snapshot): void {
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  for (const [name, content] of files) fs.writeFileSync(join(dir, name), content);
}

/** What differs between two snapshots, as text; '' = nothing. */
export function difference(a: Snapshot, b: Snapshot): string {
  const names = [...new Set([...a.keys(), ...b.keys()])].sort();
  const lines = names.flatMap((name) => {
    const [inA, inB] = [a.get(name), b.get(name)];
    if (inA === undefined || inB === undefined)
      return [`${name} is in ${inA ? 'the first' : 'the second'} only`];
    if (inA.equals(inB)) return [];
    const at = inA.findIndex((byte, i) => byte !== inB[i]);
    return [`${name}: ${inA.length} and ${inB.length} bytes, differing from ${at} on`];
  });
  return lines.join('\n');
}

/** Open descriptors of this process; 0 where the system does not tell. */
export function openDescriptors(): number {
  return countOf('/proc/self/fd');
}

/** Threads of this process; 0 where the system does not tell. */
export function threads(): number {
  return countOf('/proc/self/task');
}

function countOf(dir: string): number {
  return fs.existsSync(dir) ? fs.readdirSync(dir).length : 0;
}
