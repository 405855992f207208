/* Small file systems of their own: a tmpfs of some size, an ext4 in an image. They go with `dispose`, whatever happened. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type CutFlag, cutPower } from './power-cut.js';
import { mountDevice, unmountDevice } from './system-calls.js';

const UMOUNT_TRIES = 50;
const UMOUNT_PAUSE_MS = 20;
const MEMORY_BYTES = 64 << 20;
const DISK_BYTES = 12 << 20;

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
    for (const device of loopDevicesBelow(folder)) {
      for (const mounted of mountsOf(device)) run('umount', '-l', mounted);
      run('losetup', '--detach', device);
    }
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

/** Loop devices whose image is in a folder. */
function loopDevicesBelow(folder: string): string[] {
  const args = ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'];
  const list = execFileSync('losetup', args, { encoding: 'utf8' }).split('\n');
  return list
    .map((line) => line.trim().split(/\s+/))
    .filter(([, image]) => image?.startsWith(`${folder}/`))
    .map(([device]) => device as string);
}

function mountsOf(device: string): string[] {
  const all = fs.readFileSync('/proc/mounts', 'utf8').split('\n');
  return all.flatMap((line) => (line.startsWith(`${device} `) ? [line.split(' ')[1] ?? ''] : []));
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
      unmountDevice(dir);
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
  readonly #journal: boolean;
  #device: string | undefined;
  #mounted = false;

  private constructor(folder: string, imageFolder: string, journal: boolean) {
    this.#journal = journal;
    this.#folder = folder;
    this.#image = join(imageFolder, 'image');
    this.dir = join(folder, 'mounted');
  }

  /** @throws Error where mounting is not allowed or there are no loop devices */
  static async create({ bytes, journal = true, imageDir }: LoopOptions): Promise<LoopMount> {
    const folder = newFolder();
    const loop = new LoopMount(folder, imageDir ?? folder, journal);
    try {
      fs.writeFileSync(loop.#image, '');
      fs.truncateSync(loop.#image, bytes);
      const features = journal ? 'has_journal' : '^has_journal';
      const extended = 'nodiscard,lazy_itable_init=0,lazy_journal_init=0';
      const layout = ['-m', '0', '-b', '4096', '-N', '128', '-O', features, '-E', extended];
      run('mkfs.ext4', '-q', '-F', ...layout, loop.#image);
      fs.mkdirSync(loop.dir);
      const attach = ['--find', '--show', loop.#image];
      loop.#device = execFileSync('losetup', attach, { encoding: 'utf8' }).trim();
      loop.#mount();
    } catch (error) {
      await loop.dispose();
      throw error;
    }
    return loop;
  }

  #mount(): void {
    // The journal goes to the device when somebody syncs, and not because time has passed.
    const options = this.#journal ? 'nodiscard,commit=300' : 'nodiscard';
    mountDevice(this.#device as string, this.dir, 'ext4', options);
    this.#mounted = true;
  }

  /** Cuts the power and starts anew: what was not on the device is gone. Nobody may have a file of it open. */
  async cutPower(flag: CutFlag): Promise<void> {
    cutPower(this.dir, flag);
    await this.remount();
  }

  /** Size of the device. */
  get bytes(): number {
    return fs.statSync(this.#image).size;
  }

  /**
   * What is on the device at this moment: what the power, were it cut now, would leave.
   * @param into of the device's size
   */
  readDevice(into: Uint8Array): void {
    const fd = fs.openSync(this.#image, 'r');
    try {
      if (fs.readSync(fd, into, 0, into.length, 0) !== into.length) throw new Error('the image is cut');
    } finally {
      fs.closeSync(fd);
    }
  }

  /**
   * Brings the journal to the device, as the kernel does from time to time: names, sizes and blocks are there then, the
   * content of files that nobody has synced is not, unless its blocks were new.
   */
  commitJournal(): void {
    const fd = fs.openSync(join(this.#lost, 'commit'), 'a');
    try {
      fs.writeSync(fd, '.');
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A directory of its own beside whatever is tried out here. */
  get #lost(): string {
    return join(this.dir, 'lost+found');
  }

  /** Starts with what was on another device. Nobody may have a file of this one open. */
  async startWith(device: Uint8Array): Promise<void> {
    this.#mounted = false;
    await unmount(this.dir);
    // Over what is there: a file that is written anew costs several times as much.
    const fd = fs.openSync(this.#image, 'r+');
    try {
      if (fs.writeSync(fd, device, 0, device.length, 0) !== device.length)
        throw new Error('the image is cut');
    } finally {
      fs.closeSync(fd);
    }
    this.#mount();
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
      if (this.#device !== undefined) run('losetup', '--detach', this.#device);
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

/**
 * Two disks of 12 MB in 64 MB of memory, and that memory: one disk that is worked on, and one on which is tried out what
 * a cut leaves of it. All is gone when `work` is done.
 */
export function onTwoDisks(
  work: (disk: LoopMount, spare: LoopMount, memory: Mount) => Promise<void>,
): Promise<void> {
  return withMounts([() => mountTmpfs(MEMORY_BYTES)], ([memory]) => {
    const make = (name: string) => () => {
      const imageDir = join((memory as Mount).dir, name);
      fs.mkdirSync(imageDir);
      return LoopMount.create({ bytes: DISK_BYTES, imageDir });
    };
    return withMounts([make('disk'), make('spare')], ([disk, spare]) =>
      work(disk as LoopMount, spare as LoopMount, memory as Mount),
    );
  });
}
