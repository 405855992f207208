import fs from 'node:fs';

const SECTOR_BYTES = 512;
/** The seventh field of a block device's `stat`: sectors written. */
const SECTORS_WRITTEN = 6;

/**
 * Counts what is written to the device under a directory: by everybody, since the kernel does not tell whose a block
 * was that it writes back. NaN where there is no block device to ask (tmpfs, overlayfs, btrfs, another system).
 */
export class DeviceWrites {
  readonly #statFile: string;

  constructor(dir: string) {
    const { major, minor } = deviceNumbers(fs.statSync(dir, { bigint: true }).dev);
    this.#statFile = `/sys/dev/block/${major}:${minor}/stat`;
  }

  /** Bytes since the machine started. */
  bytes(): number {
    if (!fs.existsSync(this.#statFile)) return Number.NaN;
    return sectorsWritten(fs.readFileSync(this.#statFile, 'utf8')) * SECTOR_BYTES;
  }
}

/** The two parts of a Linux device number, as glibc packs them. */
export function deviceNumbers(dev: bigint): { major: bigint; minor: bigint } {
  return {
    major: ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n),
    minor: (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n),
  };
}

/** @param stat the text of /sys/block/DEVICE/stat */
export function sectorsWritten(stat: string): number {
  return Number(stat.trim().split(/\s+/)[SECTORS_WRITTEN] ?? Number.NaN);
}
