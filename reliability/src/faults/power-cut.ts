/* The shutdown ioctl of ext4: from it on the file system loses what is not on the device, as with the power cut. */
import fs from 'node:fs';
import { createRequire } from 'node:module';

/** 1 = the journal goes to the device first, 2 = it is lost too. */
export type CutFlag = 1 | 2;

/** _IOR('X', 125, __u32) */
const EXT4_IOC_SHUTDOWN = 0x8004587d;

type Ioctl = (fd: number, request: bigint, flag: Uint32Array) => number;

let ioctl: Ioctl | undefined;

/** Cuts the power of the ext4 file system at `mountPoint`: every later write and sync on it fails. @throws Error */
export function cutPower(mountPoint: string, flag: CutFlag): void {
  ioctl ??= loadIoctl();
  const fd = fs.openSync(mountPoint, 'r');
  try {
    const result = ioctl(fd, BigInt(EXT4_IOC_SHUTDOWN), new Uint32Array([flag]));
    if (result !== 0) throw new Error(`the shutdown ioctl failed on ${mountPoint}`);
  } finally {
    fs.closeSync(fd);
  }
}

/** koffi is what @fswal/mmap calls the system with. */
function loadIoctl(): Ioctl {
  const require = createRequire(
    fs.realpathSync(createRequire(import.meta.url).resolve('@fswal/mmap/package.json')),
  );
  const koffi = require('koffi') as { load(name: string): { func(prototype: string): Ioctl } };
  return koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, uint32_t *flag)');
}
