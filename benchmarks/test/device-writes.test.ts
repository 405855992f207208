import { expect, test } from 'vitest';
import { deviceNumbers, sectorsWritten } from '../src/device-writes.js';

test('takes a device number apart as glibc does, the longest too', () => {
  const dev = 0x1234567890abcdefn;
  const { major, minor } = deviceNumbers(dev);
  // What glibc's makedev() puts together again.
  const low = ((major & 0xfffn) << 8n) | (minor & 0xffn);
  const high = ((major & 0xfffff000n) << 32n) | ((minor & 0xffffff00n) << 12n);
  expect(low | high).toBe(dev);
});

test('knows the first disk, 254:0, and a partition, 259:2', () => {
  expect(deviceNumbers(0xfe00n)).toEqual({ major: 254n, minor: 0n });
  expect(deviceNumbers(0x10302n)).toEqual({ major: 259n, minor: 2n });
});

test('finds the sectors written in what the kernel says of a device', () => {
  const stat = '  100   2   3000  40   500  60   7000   80   0   90  120   0 0 0 0 0 0\n';
  expect(sectorsWritten(stat)).toBe(7000);
  expect(sectorsWritten('')).toBeNaN();
});
