/* Small file systems of their own: a tmpfs of some size, an ext4 in an image. They go with `dispose`, whatever happened. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type CutFlag, cutPower } from './power-cut.js';

const UMOUNT_TRIES = 50;
const UMOUNT_PAUSE_MS = 20;

/** A mounted file system; `dir` is where. */
export interface Mount {
  readonly dir: string;
  dispose(): Promise<void>;
}

const FOLDER_PREFIX = 'fswal-mount-';

let swept = false;

/** A folder that names the process it belongs to. */
function newFolder(): string {
  if (!swept) sweep();
  swept = true;
  return fs.realpathSync(fs.mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`)));
}

/** Takes away what test processes left that were killed themselves: their mounts would hold memory and loop devices. */
function sweep(): void {
  for (const name of fs.readdirSync(tmpdir())) {
    const owner = new RegExp(`^${FOLDER_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || fs.existsSync(`/proc/${owner}`)) continue;
    const folder = join(fs.realpathSync(tmpdir()), name);
    for (const mounted of mountsBelow(folder)) run('umount', '-l', mounted);
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Mount points at or below a folder, the innermost first. */
function mountsBelow(folder: string): string[] {
  const all = fs.readFileSync('/proc/mounts', 'utf8').split('\n');
  const points = all.map((line) => line.split(' ')[1] ?? '');
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`)).reverse();
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A closed recorder's ring stays mapped until the collector finds it, and holds its file system till then. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** A process that was just killed may hold the mount a moment longer; at last it is taken off lazily, and it is said. */
async function unmount(dir: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      if (tries > 1) collectGarbage();
      run('umount', dir);
      return;
    } catch (error) {
      if (tries === UMOUNT_TRIES) {
        run('umount', '-l', dir);
        throw new Error(`${dir} stayed busy: somebody leaves files of it open`, { cause: error });
      }
      // What the collector found is let go of in a later turn.
      await sleep(UMOUNT_PAUSE_MS);
    }
  }
}

/**
 * A tmpfs that is full after `bytes`, or with `inodes` files.
 * @throws Error where mounting is not allowed
 */
export function mountTmpfs(bytes: number, inodes?: number): Mount {
  const dir = newFolder();
  const options = `size=${bytes}${inodes === undefined ? '' : `,nr_inodes=${inodes}`},mode=0700`;
  try {
    run('mount', '-t', 'tmpfs', '-o', options, 'fswal-fault', dir);
  } catch (error) {
    fs.rmdirSync(dir);
    throw error;
  }
  return {
    dir,
    async dispose() {
      try {
        await unmount(dir);
      } finally {
        fs.rmdirSync(dir);
      }
    },
  };
}

export interface LoopOptions {
  readonly bytes: number;
  /** Default true. */
  readonly journal?: boolean;
  /** Where the image lies, a sparse file; default the system's directory for temporary files. */
  readonly imageDir?: string;
}

/** An ext4 in an image, whose power can be cut. */
export class LoopMount implements Mount {
  readonly dir: string;
  readonly #folder: string;
  readonly #image: string;
  #mounted = false;

  private constructor(folder: string, imageFolder: string) {
    this.#folder = folder;
    this.#image = join(imageFolder, 'image');
    this.dir = join(folder, 'mounted');
  }

  /** @throws Error where mounting is not allowed or there are no loop devices */
  static async create({ bytes, journal = true, imageDir }: LoopOptions): Promise<LoopMount> {
    const folder = newFolder();
    const loop = new LoopMount(folder, imageDir ?? folder);
    try {
      fs.writeFileSync(loop.#image, '');
      fs.truncateSync(loop.#image, bytes);
      const features = journal ? 'has_journal' : '^has_journal';
      run('mkfs.ext4', '-q', '-F', '-m', '0', '-b', '4096', '-O', features, '-E', 'nodiscard', loop.#image);
      fs.mkdirSync(loop.dir);
      loop.#mount();
    } catch (error) {
      await loop.dispose();
      throw error;
    }
    return loop;
  }

  #mount(): void {
    run('mount', '-o', 'loop,nodiscard', '-t', 'ext4', this.#image, this.dir);
    this.#mounted = true;
  }

  /** Cuts the power and starts anew: what was not on the device is gone. Nobody may have a file of it open. */
  async cutPower(flag: CutFlag): Promise<void> {
    cutPower(this.dir, flag);
    await this.remount();
  }

  /** Takes it off and mounts it again. */
  async remount(): Promise<void> {
    this.#mounted = false;
    await unmount(this.dir);
    this.#mount();
  }

  async dispose(): Promise<void> {
    try {
      if (this.#mounted) await unmount(this.dir);
    } finally {
      this.#mounted = false;
      fs.rmSync(this.#image, { force: true });
      fs.rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

/**
 * Runs `work` on mounts that are gone afterwards, however it ends.
 * @throws what `work` threw, before what taking them off threw
 */
export async function withMounts<M extends Mount>(
  makers: readonly (() => M | Promise<M>)[],
  work: (mounts: readonly M[]) => Promise<void>,
): Promise<void> {
  const mounts: M[] = [];
  const errors: unknown[] = [];
  try {
    for (const make of makers) mounts.push(await make());
    await work(mounts);
  } catch (error) {
    errors.push(error);
  }
  for (const mount of mounts.reverse()) {
    try {
      await mount.dispose();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
