/* Numbers as people read them. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1,234,567` */
export function formatCount(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** `16.8 MB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `2026-11-21 10:43:07`, UTC; `-` for 0. */
export function formatTime(ns: bigint): string {
  if (ns === 0n) return '-';
  const ms = Number(ns / 1_000_000n);
  // What a damaged or foreign clock wrote may be no date at all.
  if (ms > 8.64e15) return `${ns} ns`;
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `1 to 4,096`, or `none`. */
export function formatRange(firstEventId: bigint, lastEventId: bigint): string {
  return lastEventId === 0n ? 'none' : `${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
}

/** `1 segment`, `2 segments` */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
