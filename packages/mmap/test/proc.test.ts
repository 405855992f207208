import { describe, expect, test } from 'vitest';
import { hasFlock, statDevice } from '../src/proc-locks.js';
import { countListeners } from '../src/socket-lock.js';

const LOCKS = `1: FLOCK  ADVISORY  WRITE 5231 fe:00:2162691 0 EOF
2: POSIX  ADVISORY  READ 5140 fe:00:2148811 128 128
2: -> FLOCK  ADVISORY  WRITE 5232 fe:00:77 0 EOF
3: FLOCK  ADVISORY  READ 5140 103:1f:2146591 0 EOF
4: OFDLCK ADVISORY  WRITE -1 00:19:9 0 EOF
5: FLOCK  ADVISORY  WRITE 0 00:19:12 0 EOF
`;

describe('/proc/locks', () => {
  test.each([
    ['254:0', 2162691n, true, 'a flock on the inode'],
    ['253:0', 2162691n, false, 'the same inode on another device'],
    ['254:0', 162691n, false, 'an inode that only ends alike'],
    ['254:0', 2148811n, false, 'a record lock'],
    ['254:0', 77n, false, 'somebody who waits'],
    ['259:31', 2146591n, true, 'a shared flock'],
    ['0:25', 12n, true, 'a holder outside of this namespace'],
  ] as const)('read for %s inode %d: %s (%s)', (device, inode, held, _) => {
    expect(hasFlock(LOCKS, ['1:1', device], inode)).toBe(held);
  });

  test('has devices as stat has them', () => {
    expect(statDevice(65024n)).toBe('254:0');
    expect(statDevice(0x1031fn)).toBe('259:31');
    expect(statDevice((0x5n << 44n) | 0x10_0000n)).toBe(`${0x5000}:${0x100}`);
  });
});

describe('/proc/net/unix', () => {
  const line = (flags: string, path: string) =>
    `0000000055b17fc3: 00000002 00000000 ${flags} 0001 01 10453${path}\n`;

  test('counts those who listen on the name, padded or not', () => {
    const text = [
      'Num       RefCount Protocol Flags    Type St Inode Path\n',
      line('00000000', ''),
      line('00010000', ' @fswal-1-2@@@@@'),
      line('00010000', ' @fswal-1-2'),
      line('00000000', ' @fswal-1-2@@@@@'),
      line('00010000', ' @fswal-1-23@@@@'),
      line('00010000', ' fswal-1-2'),
    ].join('');
    expect(countListeners(text, '\0fswal-1-2')).toBe(2);
    expect(countListeners(text, '\0fswal-1-23')).toBe(1);
    expect(countListeners(text, '\0fswal-1')).toBe(0);
  });
});
