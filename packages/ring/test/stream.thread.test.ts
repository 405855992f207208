import { expect, it } from 'vitest';
import { runStream, type Stream } from './support/streams.js';

const TIMEOUT_MS = 60_000;

const SPSC: Stream[] = [
  { kind: 'spsc', records: 3_000_000, capacity: 1024, style: 'copy' },
  { kind: 'spsc', records: 3_000_000, capacity: 1024, style: 'in-place' },
  { kind: 'spsc', records: 100_000, capacity: 4, style: 'copy' },
  { kind: 'spsc', records: 50_000, capacity: 256, style: 'in-place', wait: 'spin' },
  { kind: 'spsc', records: 20_000, capacity: 1, style: 'copy' },
  { kind: 'spsc', records: 500_000, capacity: 256, style: 'in-place', firstPosition: 2 ** 31 - 250_000 },
  { kind: 'spsc', records: 500_000, capacity: 256, style: 'copy', firstPosition: 2 ** 32 - 250_000 },
  { kind: 'spsc', records: 20_000, capacity: 8, style: 'in-place', slow: true },
  { kind: 'spsc', records: 20_000, capacity: 4, style: 'copy', wait: 'async' },
  { kind: 'spsc', records: 1_000_000, capacity: 1024, style: 'copy', atomics: true },
  { kind: 'spsc', records: 50_000, capacity: 2, style: 'in-place', atomics: true },
];

const SPMC: Stream[] = [
  { kind: 'spmc', records: 2_000_000, capacity: 1024, consumers: 1, style: 'copy' },
  { kind: 'spmc', records: 2_000_000, capacity: 1024, consumers: 2, style: 'in-place' },
  { kind: 'spmc', records: 1_000_000, capacity: 1024, consumers: 3, style: 'copy' },
  { kind: 'spmc', records: 1_000_000, capacity: 1024, consumers: 3, style: 'in-place' },
  { kind: 'spmc', records: 60_000, capacity: 4, consumers: 1, style: 'in-place' },
  { kind: 'spmc', records: 60_000, capacity: 4, consumers: 2, style: 'copy' },
  { kind: 'spmc', records: 60_000, capacity: 4, consumers: 3, style: 'in-place' },
  { kind: 'spmc', records: 20_000, capacity: 1, consumers: 2, style: 'copy' },
  {
    kind: 'spmc',
    records: 300_000,
    capacity: 16,
    consumers: 3,
    style: 'in-place',
    firstPosition: 2 ** 31 - 150_000,
  },
  {
    kind: 'spmc',
    records: 300_000,
    capacity: 16,
    consumers: 2,
    style: 'copy',
    firstPosition: 2 ** 32 - 150_000,
  },
  { kind: 'spmc', records: 20_000, capacity: 4, consumers: 2, style: 'in-place', slow: true },
  { kind: 'spmc', records: 20_000, capacity: 16, consumers: 3, style: 'in-place', slow: true },
  { kind: 'spmc', records: 20_000, capacity: 4, consumers: 2, style: 'copy', wait: 'async' },
  { kind: 'spmc', records: 500_000, capacity: 1024, consumers: 3, style: 'copy', atomics: true },
  { kind: 'spmc', records: 50_000, capacity: 4, consumers: 3, style: 'in-place', atomics: true },
];

const PROMISE = 'every record once, whole, in order, and no wake-up lost';

it.each(SPSC)(
  `SpscRing delivers ${PROMISE}: %o`,
  async (stream) => {
    expect(await runStream(stream)).toEqual([]);
  },
  TIMEOUT_MS,
);

it.each(SPMC)(
  `SpmcRing delivers ${PROMISE}: %o`,
  async (stream) => {
    expect(await runStream(stream)).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'sees the known bug of such rings: a consumer that gives its record back before it has read it',
  async () => {
    const stream: Stream = {
      kind: 'spmc',
      records: 20_000,
      capacity: 4,
      consumers: 2,
      style: 'release-early',
      slow: true,
    };
    expect(await runStream(stream)).not.toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'wakes whoever lay down while another consumer came and went, with the last records too',
  async () => {
    const stream: Stream = {
      kind: 'spmc',
      records: 20_000,
      capacity: 1024,
      consumers: 3,
      style: 'copy',
      atomics: true,
    };
    for (let round = 0; round < 20; round++) expect(await runStream(stream)).toEqual([]);
  },
  TIMEOUT_MS,
);
