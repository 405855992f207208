import fs from 'node:fs';
import { OrderType, RequestEvent, type RequestType, Side } from '../../src/index.js';

/** Directories written by the C++ implementation of format version 1. */
export const GOLDEN = new URL('../golden/', import.meta.url);

interface GoldenSegment {
  file: string;
  bytes: number;
  segmentIndex: number;
  blockCount: number;
  eventCount: number;
  firstEventId: string;
  lastEventId: string;
  createdTsNs: string;
  closedTsNs: string;
  checksum: string;
  lastChainedChecksum: string;
}

interface Corruption {
  name: string;
  file: string;
  offset?: number;
  xor?: number;
  truncateTo?: number;
  required: string;
}

export type IdFormula = 'contiguous' | 'gaps' | 'huge';

interface Manifest {
  directories: {
    name: IdFormula;
    firstIndex: number;
    count: number;
    segments: GoldenSegment[];
    meta: { lastSegmentIndex: number; lastOffset: number; lastEventId: string };
  }[];
  corruptions: Corruption[];
}

export const manifest: Manifest = JSON.parse(fs.readFileSync(new URL('manifest.json', GOLDEN), 'utf8'));

export function goldenFile(path: string): Uint8Array {
  return new Uint8Array(fs.readFileSync(new URL(path, GOLDEN)));
}

const U64 = (1n << 64n) - 1n;

/** The splitmix64 finaliser of manifest.json. */
export function mix(seed: bigint): bigint {
  let x = (seed + 0x9e3779b97f4a7c15n) & U64;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & U64;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & U64;
  return x ^ (x >> 31n);
}

const idFormulas: Record<IdFormula, (i: bigint) => bigint> = {
  contiguous: (i) => i,
  gaps: (i) => 3n * i + (i % 2n),
  huge: (i) => (1n << 63n) + 5n * i,
};

/** Event `i` of a golden directory, by the formula of manifest.json. */
export function goldenEvent(ids: IdFormula, i: number): RequestEvent {
  const n = BigInt(i);
  const [a, b, c, d] = [0n, 1n, 2n, 3n].map((k) => mix(4n * n + k));
  return RequestEvent.from({
    eventId: idFormulas[ids](n),
    timestamp: a,
    price: BigInt.asIntN(64, b),
    quantity: BigInt.asIntN(64, c >> (n % 64n)),
    userId: Number(d & 0xffff_ffffn),
    orderId: Number(d >> 32n),
    type: (i % 4) as RequestType,
    orderType: Math.floor(i / 4) % 2 === 0 ? OrderType.Limit : OrderType.Market,
    side: Math.floor(i / 8) % 2 === 0 ? Side.Bid : Side.Ask,
  });
}
