/* The shutdown ioctl of ext4: from it on the file system loses what is not on the device, as with the power cut. */
import fs from 'node:fs';
import { ioctl } from './system-calls.js';

/** 1 = the journal goes to the device first, 2 = it is lost too. */
export type CutFlag = 1 | 2;

/** _IOR('X', 125, __u32) */
const EXT4_IOC_SHUTDOWN = 0x8004587d;

/** Cuts the power of the ext4 file system at `mountPoint`: every later write and sync on it fails. @throws Error */
export function cutPower(mountPoint: string, flag: CutFlag): void {
  const fd = fs.openSync(mountPoint, 'r');
  try {
    ioctl(fd, EXT4_IOC_SHUTDOWN, flag);
  } finally {
    fs.closeSync(fd);
  }
}
