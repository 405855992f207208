/* System calls that Node lacks, called through what @fswal/mmap calls the system with. Linux. */
import fs from 'node:fs';
import { createRequire } from 'node:module';

interface Koffi {
  load(name: string): { func(prototype: string): (...args: unknown[]) => number };
  errno(): number;
}

let koffi: Koffi | undefined;
const loaded = new Map<string, (...args: unknown[]) => number>();

const MOUNT =
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)';
const UMOUNT = 'int umount2(const char *target, int flags)';
const SYNC_RANGE = 'int sync_file_range(int fd, int64_t offset, int64_t bytes, unsigned int flags)';
/** SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE and _WAIT_AFTER */
const WRITE_AND_WAIT = 7;
const IOCTL = 'int ioctl(int fd, unsigned long request, uint32_t *flag)';

/** Mounts a block device. A hundredth of what the command costs. @throws Error with the errno */
export function mountDevice(device: string, dir: string, type: string, options: string): void {
  call(MOUNT, `mounting ${device} on ${dir}`, device, dir, type, 0, options);
}

/** @throws Error with the errno, while somebody has a file of it open */
export function unmountDevice(dir: string): void {
  call(UMOUNT, `unmounting ${dir}`, dir, 0);
}

/** An ioctl that takes one number. @throws Error with the errno */
export function ioctl(fd: number, request: number, value: number): void {
  call(IOCTL, `ioctl ${request}`, fd, BigInt(request), new Uint32Array([value]));
}

/** Brings a part of a file to the device, as the kernel may do with any dirty page at any time. @throws Error with the errno */
export function writeBack(fd: number, offset: number, bytes: number): void {
  call(SYNC_RANGE, 'sync_file_range', fd, BigInt(offset), BigInt(bytes), WRITE_AND_WAIT);
}

function call(prototype: string, what: string, ...args: unknown[]): void {
  koffi ??= loadKoffi();
  const found = loaded.get(prototype) ?? koffi.load('libc.so.6').func(prototype);
  loaded.set(prototype, found);
  if (found(...args) !== 0) throw new Error(`${what} failed with errno ${koffi.errno()}`);
}

function loadKoffi(): Koffi {
  const require = createRequire(
    fs.realpathSync(createRequire(import.meta.url).resolve('@fswal/mmap/package.json')),
  );
  return require('koffi') as Koffi;
}
