/*
 * What a power cut may leave of a log whose changes were written down: every page that was not synced is as it was or as
 * any later write made it, and of the changes of names since the last sync of the directory each inode has made some
 * of its first ones.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../harness/seeded.js';

const PAGE_BYTES = 4096;

interface Span {
  readonly start: number;
  readonly end: number;
}
interface Write extends Span {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly synced: boolean;
}
interface NameChange extends Span {
  readonly op: 'create' | 'rename' | 'unlink';
  readonly ino: number;
  readonly from?: string;
  readonly to?: string;
}
interface Reached extends Span {
  readonly op: 'appended' | 'durable';
  readonly id: number;
}
interface FileChanges {
  bytes: number;
  readonly writes: Write[];
  readonly syncs: Span[];
}
interface Synced {
  readonly synced: Uint8Array;
  readonly dirty: ReadonlyMap<number, readonly Write[]>;
}
type Line = Span & {
  readonly op: string;
  readonly ino: number;
  readonly size: number;
  readonly at: number;
} & {
  readonly content: string;
  readonly synced: boolean;
};

/** How much of what was not synced a cut keeps. */
export interface Loss {
  /** How likely a page is as it was last written, 0 to 1; else it is as some earlier write left it. */
  readonly pagesKept: number;
  /** The same of the changes of names of an inode: all of them, or some of the first. */
  readonly namesKept: number;
  /** Whether the device had said that it synced, and had not. Default false. */
  readonly lies?: boolean;
}

export interface CutState {
  /** Files by name. */
  readonly image: Map<string, Uint8Array>;
  /** D when the power was cut, and the last event that may have been appended. */
  readonly durable: number;
  readonly appended: number;
}

/** Everything that a recording process did to its files. */
export class ChangeLog {
  readonly #files = new Map<number, FileChanges>();
  readonly #names: NameChange[] = [];
  readonly #nameSyncs: Span[] = [];
  readonly #reached: Reached[] = [];
  /** By inode, at `#moment`. */
  readonly #synced = new Map<number, Synced>();
  #moment = '';
  /** Moments at which the power may be cut: 0 up to this one. */
  readonly end: number;

  /** @param dir what watch-changes.js wrote */
  constructor(dir: string) {
    let end = 0;
    for (const line of fs.readdirSync(dir).flatMap((name) => linesOf(join(dir, name)))) {
      end = Math.max(end, line.end);
      this.#take(line);
    }
    this.end = end;
    for (const list of [this.#names, this.#reached, ...[...this.#files.values()].map(({ writes }) => writes)])
      list.sort((a, b) => a.start - b.start);
  }

  /** How many changes of names there are. */
  get names(): number {
    return this.#names.length;
  }

  /** What a cut at a moment leaves. */
  cut(at: number, { pagesKept, namesKept, lies = false }: Loss, random: Random): CutState {
    const image = new Map<string, Uint8Array>();
    for (const [name, ino] of this.#namesAt(at, namesKept, random))
      image.set(name, this.#contentAt(ino, at, lies, pagesKept, random));
    const reached = (op: Reached['op']) =>
      this.#reached.findLast((mark) => mark.op === op && mark.start < at)?.id ?? 0;
    return { image, durable: reached('durable'), appended: reached('appended') };
  }

  #take(line: Line): void {
    const { op, ino, size } = line;
    if (op === 'write') {
      const file = this.#file(ino, size);
      file.writes.push({ ...line, bytes: new Uint8Array(Buffer.from(line.content, 'base64')) });
    } else if (op === 'sync') this.#file(ino, size).syncs.push(line);
    else if (op === 'sync names') this.#nameSyncs.push(line);
    else if (op === 'appended' || op === 'durable') this.#reached.push(line as unknown as Reached);
    else this.#names.push(line as unknown as NameChange);
  }

  /** @param bytes its size as it was seen: blocks are allocated before anything is written to them, and read as zero */
  #file(ino: number, bytes = 0): FileChanges {
    const file = this.#files.get(ino) ?? { bytes: 0, writes: [], syncs: [] };
    this.#files.set(ino, file);
    file.bytes = Math.max(file.bytes, bytes);
    return file;
  }

  #namesAt(at: number, kept: number, random: Random): Map<string, number> {
    const synced = lastSynced(this.#nameSyncs, at);
    const made = this.#names.filter(({ start }) => start < at);
    const left = new Map<number, number>();
    for (const { ino, end } of made) if (end >= synced) left.set(ino, (left.get(ino) ?? 0) + 1);
    for (const [ino, changes] of left) left.set(ino, some(changes, kept, random));
    const names = new Map<string, number>();
    for (const { ino, op, from, to, end } of made) {
      if (end >= synced) {
        const more = left.get(ino) as number;
        if (more === 0) continue;
        left.set(ino, more - 1);
      }
      if (op !== 'create' && names.get(from as string) === ino) names.delete(from as string);
      if (op !== 'unlink') names.set(to as string, ino);
    }
    return names;
  }

  #contentAt(ino: number, at: number, lies: boolean, kept: number, random: Random): Uint8Array {
    const { synced, dirty } = this.#syncedAt(ino, at, lies);
    const content = synced.slice();
    for (const [page, changes] of dirty)
      for (const write of changes.slice(0, some(changes.length, kept, random)))
        copyPage(content, write, page);
    return content;
  }

  /** What is on the device at a moment in any case, and the later writes by page. Kept for the next cut at the moment. */
  #syncedAt(ino: number, at: number, lies: boolean): Synced {
    const moment = `${at} ${lies}`;
    if (moment !== this.#moment) this.#synced.clear();
    this.#moment = moment;
    const known = this.#synced.get(ino);
    if (known !== undefined) return known;
    const { bytes, writes, syncs } = this.#file(ino);
    const made = writes.filter(({ start }) => start < at);
    const synced = new Uint8Array(Math.max(bytes, ...made.map((write) => write.at + write.bytes.length)));
    const last = lies ? -1 : lastSynced(syncs, at);
    const dirty = new Map<number, Write[]>();
    for (const write of made) {
      if (write.end < last || (write.synced && write.end < at)) synced.set(write.bytes, write.at);
      else for (const page of pagesOf(write)) dirty.set(page, [...(dirty.get(page) ?? []), write]);
    }
    const found = { synced, dirty };
    this.#synced.set(ino, found);
    return found;
  }
}

function linesOf(file: string): Line[] {
  const lines = fs.readFileSync(file, 'latin1').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

/** What ended before this moment a sync had brought to the device by `at`. */
function lastSynced(syncs: readonly Span[], at: number): number {
  return Math.max(-1, ...syncs.filter(({ end }) => end < at).map(({ start }) => start));
}

/** All of them with the likelihood `kept`, else only the first so many. */
function some(count: number, kept: number, random: Random): number {
  return random.below(1000) < kept * 1000 ? count : random.below(count);
}

function pagesOf({ at, bytes }: Write): number[] {
  const first = Math.floor(at / PAGE_BYTES);
  const last = Math.floor((at + bytes.length - 1) / PAGE_BYTES);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Copies what a write has of a page. */
function copyPage(content: Uint8Array, { at, bytes }: Write, page: number): void {
  const from = Math.max(at, page * PAGE_BYTES);
  const to = Math.min(at + bytes.length, (page + 1) * PAGE_BYTES);
  content.set(bytes.subarray(from - at, to - at), from);
}
