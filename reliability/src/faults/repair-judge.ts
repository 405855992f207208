/* What must hold of a damaged log wherever its repair was interrupted. */
import fs from 'node:fs';
import { basename, join } from 'node:path';
import { BROKEN_SUFFIX, checksum } from '@fswal/format';
import { repairLog } from '@fswal/recovery';
import { type Delivered, deliver } from '../harness/delivered.js';
import { differences, type LogImage, readImage, writeImage } from '../harness/log-copy.js';

/** Of a segment without a header, it is the time of its last change that a repair writes there. */
const CHANGED_S = 1_000;

/** Makes `dir` hold a log that was last changed long ago, and is on the device. */
export function placeLog(dir: string, image: LogImage): void {
  writeImage(dir, image);
  for (const name of image.keys()) {
    fs.utimesSync(join(dir, name), CHANGED_S, CHANGED_S);
    syncPath(join(dir, name));
  }
  syncPath(dir);
  syncPath(join(dir, '..'));
}

function syncPath(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** A damaged log, and what one repair makes of it. */
export class RepairJudge {
  readonly image: LogImage;
  /** What diagnostic recovery delivers of it. */
  readonly #found: Delivered;
  readonly #repaired: LogImage;
  /** What a repair keeps as it was, by the name that it has then. */
  readonly #evidence: readonly (readonly [string, Uint8Array])[];
  /** States that were judged: a kill and a power cut leave the same ones as a rule. */
  readonly #judged = new Set<string>();

  private constructor(image: LogImage, found: Delivered, repaired: LogImage) {
    this.image = image;
    this.#found = found;
    this.#repaired = repaired;
    this.#evidence = [...repaired].filter(([name]) => name.endsWith(BROKEN_SUFFIX));
  }

  /** @param dir a directory to try it out in */
  static async of(image: LogImage, dir: string): Promise<RepairJudge> {
    placeLog(dir, image);
    const found = await deliver(dir, 'diagnostic');
    await repairLog({ dir });
    const judge = new RepairJudge(image, found, readImage(dir));
    const faults = await judge.faultsOf(dir);
    if (faults.length > 0) throw new Error(`what one repair leaves: ${faults.join('\n')}`);
    return judge;
  }

  /**
   * What is wrong with what an interrupted repair has left in `dir`, one line each: nothing is lost, the same events can
   * be read, and another repair, which is made here, comes to what one alone comes to.
   */
  async faultsOf(dir: string): Promise<string[]> {
    const image = readImage(dir);
    const state = [...image].map(([name, bytes]) => stateOf(join(dir, name), bytes)).join();
    if (this.#judged.has(state)) return [];
    this.#judged.add(state);
    const now = [...image.values()];
    const faults = this.#evidence
      .filter(([, bytes]) => !now.some((other) => Buffer.compare(bytes, other) === 0))
      .map(([name]) => `what ${name} keeps is lost`);
    const readable = await deliver(dir, 'diagnostic');
    if (!sameEvents(readable, this.#found)) faults.push(`only ${describe(readable)} can be read`);
    await repairLog({ dir });
    faults.push(...differences(this.#repaired, readImage(dir)).map((text) => `repaired again: ${text}`));
    const strict = await deliver(dir, 'strict');
    if (!sameEvents(strict, this.#found)) faults.push(`a repair leaves ${describe(strict)}`);
    if ((await repairLog({ dir })).repaired) faults.push('a third repair finds more to repair');
    return faults;
  }
}

/** All that a repair sees of a file. */
function stateOf(file: string, bytes: Uint8Array): string {
  return `${basename(file)} ${bytes.length} ${checksum(bytes, 0n)} ${fs.lstatSync(file).nlink}`;
}

function sameEvents(a: Delivered, b: Delivered): boolean {
  return a.faults.length === 0 && describe(a) === describe(b);
}

function describe({ runs, faults }: Delivered): string {
  return [...runs.map(([first, last]) => `${first} to ${last}`), ...faults].join(', ');
}
