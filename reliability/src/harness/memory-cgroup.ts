import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MEMORY_CGROUP } from './needs.js';

/** A group of processes that have so much memory together; the kernel kills who wants more. Linux, version 1 groups. */
export class MemoryCgroup {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static create(limitBytes: number): MemoryCgroup {
    const dir = fs.mkdtempSync(join(MEMORY_CGROUP, 'fswal-'));
    fs.writeFileSync(join(dir, 'memory.limit_in_bytes'), String(limitBytes));
    return new MemoryCgroup(dir);
  }

  /** What the process has allocated before stays with its old group. */
  add(pid: number): void {
    fs.writeFileSync(join(this.#dir, 'cgroup.procs'), String(pid));
  }

  /** After its last process has ended; the kernel takes a moment to notice. */
  async remove(): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return fs.rmdirSync(this.#dir);
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(20);
      }
    }
  }
}
