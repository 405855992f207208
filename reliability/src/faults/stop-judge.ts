/* What is there at each stop of a recording process, were it killed or its power cut then. */
import fs from 'node:fs';
import { join } from 'node:path';
import { storedEventId } from '../harness/stored-position.js';
import { checkLog, checkScan, type Expected, type LogCheck } from '../harness/verify-log.js';
import type { LoopMount, Mount } from './mounts.js';
import type { CutFlag } from './power-cut.js';
import type { Stop } from './stop-at-calls.js';

export interface StopScope {
  /** All the events that the scenario appends. */
  readonly atMost: number;
  /** Whether retention may have taken the oldest. */
  readonly retained: boolean;
  /** Recovery and a recorder see each so many-th of the states that the scan sees all of. */
  readonly sample: number;
}

/** Judges what is there at each stop of a process. */
export class StopJudge {
  readonly disk: LoopMount;
  readonly spare: LoopMount;
  readonly memory: Mount;
  readonly scope: StopScope;
  readonly faults: string[] = [];
  /** Stops judged, and how many different devices were among them. */
  stops = 0;
  devices = 0;
  /** The device at the last stop, and memory for the next one. */
  #device: Uint8Array;
  #nextDevice: Uint8Array;
  #afterCut: LogCheck & { stored: number } = { lastId: 0, faults: [], stored: 0 };

  constructor(disk: LoopMount, spare: LoopMount, memory: Mount, scope: StopScope) {
    this.disk = disk;
    this.spare = spare;
    this.memory = memory;
    this.scope = scope;
    this.#device = new Uint8Array(disk.bytes);
    this.#nextDevice = new Uint8Array(disk.bytes);
  }

  async judge(stop: Stop, flag: CutFlag): Promise<void> {
    this.stops++;
    const { faults } = this;
    const before = faults.length;
    if (stop.durable > stop.returned) faults.push('D is ahead of R');
    faults.push(...(await this.#killed(stop)).map((text) => `killed: ${text}`));
    if (flag === 1) this.disk.commitJournal();
    faults.push(...(await this.#cut(stop)).map((text) => `cut with flag ${flag}: ${text}`));
    if (faults.length > before) {
      const last = Object.entries(stop.lastCalls).map(([thread, call]) => `${thread} ${call.slice(0, 140)}`);
      faults.push(`  at R ${stop.returned}, D ${stop.durable}, ${last.join('; ')}`);
    }
  }

  #expected(atLeast: number, returned: number): Expected {
    // One more may be there: it was stored, and its append had not returned.
    const atMost = Math.min(returned + 1, this.scope.atMost);
    return { atLeast, atMost, from: this.scope.retained ? undefined : 1 };
  }

  async #killed({ returned }: Stop): Promise<readonly string[]> {
    const dir = join(this.disk.dir, 'log');
    if (!fs.existsSync(dir)) return [];
    const expected = this.#expected(returned, returned);
    const scanned = checkScan(dir, expected);
    if (scanned.faults.length > 0 || this.stops % this.scope.sample !== 0) return scanned.faults;
    const copy = join(this.memory.dir, 'copy');
    try {
      fs.cpSync(dir, copy, { recursive: true });
      return (await checkLog(copy, expected)).faults;
    } finally {
      fs.rmSync(copy, { recursive: true, force: true });
    }
  }

  async #cut({ returned, durable }: Stop): Promise<readonly string[]> {
    const device = this.#nextDevice;
    this.disk.readDevice(device);
    if (Buffer.compare(device, this.#device) !== 0) {
      this.#nextDevice = this.#device;
      this.#device = device;
      await this.spare.startWith(device);
      const dir = join(this.spare.dir, 'log');
      if (!fs.existsSync(dir)) fs.mkdirSync(dir, { mode: 0o700 });
      const stored = storedEventId(dir);
      const expected = this.#expected(durable, returned);
      const scanned = checkScan(dir, expected);
      const isSample = scanned.faults.length === 0 && this.devices++ % this.scope.sample === 0;
      this.#afterCut = { stored, ...(isSample ? await checkLog(dir, expected) : scanned) };
    }
    // Where nothing came to the device since, all the same more may have been told to be durable.
    const { stored, lastId, faults } = this.#afterCut;
    const ahead: string[] = [];
    if (stored < durable) ahead.push(`W ${stored} < D ${durable}`);
    if (lastId < durable) ahead.push(`the log ends with event ${lastId}, D ${durable}`);
    return [...faults, ...ahead];
  }
}
