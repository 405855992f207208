// Reads bytes that are meant to do harm, and tells whether they did: what was thrown that is no WalError, how long the
// slowest took, by how much the process grew.
//
//   node --expose-gc --import count-hashed.js read-hostile.js '{ "parser", "dir", "seed", "runs" | "ms" }'
//
// `dir` holds a sound log: segment 0 is sealed, segment 1 open, its tail ring is there; and "packed", a compressed
// segment. One JSON line: { runs, refused, bad: [what], slowestMs, slowest, hashed: times a byte went into a checksum at
// most, grownBytes: by which a
// case made the process grow at most }.
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  asWords,
  blockOffset,
  decodeBlockHeader,
  decodeMeta,
  decodeSegmentHeader,
  durableSegmentMissing,
  eventOffset,
  LogScan,
  parseSegmentFileName,
  readTailRing,
  sealBlock,
  verifySegment,
  WalError,
  WORD_BYTES,
  withoutRetired,
} from '@fswal/format';
import {
  decompressSegment,
  knownDurable,
  listLogDirectory,
  MAX_SEGMENT_BYTES,
  oneFormEach,
  readBootId,
  readDurablePosition,
  readSegmentFile,
  readSegmentStart,
} from '@fswal/format/files';
import { RecoveryManager } from '@fswal/recovery';
import { bombBlock, EDGES, frameOf, HEADER_KINDS, withField } from './hostile-bytes.js';

const SEALED = 'FS.00000000.wal';
const OPEN = 'FS.00000001.wal';
const META = 'wal_meta.dat';
const RING = 'wal_tail.ring';
/** One of so many directories is read by the threads of recovery too. */
const THREADS_EVERY = 50;
/** What cases leave behind is collected after so many bytes, so that growth is what one case needs. */
const COLLECT_BYTES = 2 << 20;
/** Until then the process grows by what it compiles, and by its first threads. */
const WARM_UP_RUNS = 100;
/** Of the smallest cases, which are soon done, the growth of so many-th is looked at. */
const SMALL_BYTES = 4096;
const SMALL_EVERY = 32;

let state = 0;
function next() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
const below = (limit) => Math.floor((next() / 2 ** 32) * limit);
const pick = (items) => items[below(items.length)];

/** A place where something is: headers more often than events. */
function place(bytes) {
  if (below(2) === 0) return below(Math.min(bytes.length, 128));
  if (below(2) === 0) return Math.min(bytes.length - 1, blockOffset(below(16)) + below(64));
  return below(bytes.length);
}

const HARMS = [
  (b) => {
    b[place(b)] ^= 1 << below(8);
    return b;
  },
  (b) => {
    b[place(b)] = pick([0, 1, 127, 128, 255]);
    return b;
  },
  (b) => {
    const value = pick(EDGES);
    const at = place(b) & ~3;
    const size = pick([2, 4, 8]);
    for (let i = 0; i < size && at + i < b.length; i++) b[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    return b;
  },
  (b) => b.fill(pick([0, 255, below(256)]), place(b), place(b)),
  (b) => {
    const at = below(b.length);
    b.copyWithin(place(b), at, at + below(20_000));
    return b;
  },
  (b) => b.slice(0, Math.max(1, below(b.length + 1))),
  (b) => Buffer.concat([b, b.subarray(0, below(b.length))]),
];

function harmed(bytes, most = 4) {
  let copy = new Uint8Array(bytes);
  for (let n = below(most); n >= 0 && copy.length > 0; n--) copy = new Uint8Array(pick(HARMS)(copy));
  return copy;
}

/** Makes checksums hold again, so that what lies behind them is met. */
function forged(kinds, bytes) {
  for (const kind of kinds) {
    if (below(3) === 0) continue;
    const { start, fields, seal } = HEADER_KINDS[kind];
    if (bytes.length < start + 64) continue;
    if (below(2) === 0) seal(bytes);
    else bytes = withField(kind, bytes, below(fields.length), pick(EDGES));
  }
  return bytes;
}

/** As `harmed`, and some blocks sealed again, so that the chain holds over what was done to their events. */
function harmedSegment(bytes) {
  const copy = forged([], harmed(bytes));
  if (below(2) === 0) {
    let chained = 0n;
    for (let block = 0; block < 16 && blockOffset(block + 1) <= copy.length; block++) {
      chained = sealBlock(copy.subarray(blockOffset(block)), block, 1 + below(256), chained);
    }
  }
  return forged(['segment', 'first block', 'third block'], copy);
}

function hostileFrame(packed) {
  if (below(3) === 0) return harmed(packed);
  const blocks = Array.from({ length: below(6) }, () => ({
    bytes: pick([
      () => bombBlock(below(1 << 20)),
      () => Uint8Array.from({ length: below(2000) }, () => below(256)),
      () => new Uint8Array(below(70_000)),
      () => Uint8Array.from([0x0f, below(256), below(3), 255, 255, 255]),
      () => Uint8Array.from({ length: below(40) }, () => 255),
    ])(),
    plain: below(2) === 0,
    ...(below(4) === 0 ? { size: Number(pick(EDGES) & 0x7fff_ffffn) } : {}),
  }));
  const contentSize = pick([
    undefined,
    pick(EDGES),
    BigInt(64 + 16_448 * below(200)),
    263_232n,
    BigInt(below(2 ** 31)),
  ]);
  const flags = below(3) === 0 ? pick([0x10, 0x04, 0x14, 0x02, 0x01, 0x80]) : 0;
  const frame = frameOf({
    contentSize,
    blocks,
    flags,
    blockMax: pick([4, 4, 5, 6, 7, 0, 3]),
    endMark: below(5) > 0,
  });
  return below(3) === 0 ? frame.slice(0, below(frame.length + 1)) : frame;
}

function hostileName() {
  const parts = [
    'FS.',
    '00000001',
    '.wal',
    '.lz4',
    '..',
    '/',
    '\0',
    '٠٠٠٠٠٠٠١',
    '\n',
    '99999999',
    'a'.repeat(300),
    ' ',
  ];
  return Array.from({ length: below(6) }, () => pick(parts)).join('');
}

/** What makes a case of each parser, and what reads it. */
function parsers(dir) {
  const file = (name) => new Uint8Array(fs.readFileSync(join(dir, name)));
  const [sealed, open, meta, ring, packed] = [SEALED, OPEN, META, RING, 'packed'].map(file);
  const durable = decodeMeta(meta);
  const previous = verifySegment(sealed);
  const trial = `${dir}-trial`;
  const judge = (bytes, index = below(2)) => {
    verifySegment(bytes, {});
    const scan = new LogScan(durable);
    const verdict = scan.judge(index, bytes, SEALED);
    if (verdict.error !== undefined) throw verdict.error;
  };
  const readRing = (image) => {
    const after = previous.lastEventId;
    const lastEventWord = (previous.endOffset - 64) / WORD_BYTES;
    const end = { lastEventId: after, words: asWords(sealed), lastEventWord, eventsInBlock: 255 };
    const { runs } = readTailRing(image, end, readBootId());
    for (const { wordIndex, count } of runs)
      if ((wordIndex + count * 16) * WORD_BYTES > image.length) throw new Error('a run beyond the ring');
  };
  const readFrame = (frame) => {
    fs.writeFileSync(trial, frame);
    readSegmentStart(trial, 0, true);
    try {
      const bytes = readSegmentFile(trial, true);
      if ((bytes.length - 64) % 16_448 !== 0) throw new Error('no whole segment was taken');
    } finally {
      decompressed(frame);
    }
  };
  const decompressed = (frame) => {
    try {
      decompressSegment(frame, MAX_SEGMENT_BYTES, 'frame');
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
    }
  };
  return {
    'segment header': [
      () => forged(['segment'], harmed((below(2) === 0 ? sealed : open).subarray(0, 64), 3)),
      (bytes) => decodeSegmentHeader(bytes),
    ],
    block: [
      () => harmed((below(2) === 0 ? sealed : open).subarray(64, 64 + eventOffset(256))),
      (bytes) => bytes.length >= 64 && decodeBlockHeader(bytes),
    ],
    segment: [() => harmedSegment(below(2) === 0 ? sealed : open), (bytes) => judge(bytes)],
    'wal_meta.dat': [() => forged(['meta'], harmed(meta, 2)), (bytes) => decodeMeta(bytes)],
    'tail ring': [() => forged(['tail ring'], harmed(ring)), readRing],
    'LZ4 file': [() => hostileFrame(packed), readFrame],
    name: [hostileName, (name) => parseSegmentFileName(name)],
    directory: [
      () => hostileDirectory({ sealed, open, meta, ring, packed }),
      (files) => readDirectory(trial, files),
    ],
    edges: [edgeCases({ sealed, open, meta, ring, packed }), (files) => readDirectory(trial, files)],
  };
}

function hostileDirectory({ sealed, open, meta, ring, packed }) {
  const maybe = (bytes, harm) => pick([() => bytes, () => harm(bytes), () => harm(bytes), () => undefined])();
  return {
    [SEALED]: maybe(sealed, harmedSegment),
    [`${SEALED}.lz4`]: below(2) === 0 ? undefined : maybe(packed, hostileFrame),
    [OPEN]: maybe(open, harmedSegment),
    [META]: maybe(meta, (b) => forged(['meta'], harmed(b, 2))),
    [RING]: maybe(ring, (b) => forged(['tail ring'], harmed(b))),
    [pick(['FS.00000002.wal', 'FS.99999999.wal', 'FS.00000001.wal.lz4'])]: maybe(open, harmedSegment),
  };
}

/** Every field of every header at every edge, its checksum holding: one directory after the other, and then no more. */
function edgeCases({ sealed, open, meta, ring, packed }) {
  const cases = [];
  const sound = { [SEALED]: sealed, [OPEN]: open, [META]: meta, [RING]: ring };
  const harm = (name, kind, bytes) => {
    for (const [field] of HEADER_KINDS[kind].fields.entries())
      for (const edge of EDGES) cases.push(() => ({ ...sound, [name]: withField(kind, bytes, field, edge) }));
  };
  for (const [name, bytes] of [
    [SEALED, sealed],
    [OPEN, open],
  ])
    for (const kind of ['segment', 'first block', 'third block']) harm(name, kind, bytes);
  harm(META, 'meta', meta);
  harm(RING, 'tail ring', ring);
  for (const contentSize of EDGES)
    for (const bytes of [packed, bombBlock(1 << 16), new Uint8Array(64)]) {
      const frame = frameOf({ contentSize, blocks: [{ bytes: bytes.subarray(0, 60_000) }] });
      cases.push(() => ({ ...sound, [SEALED]: undefined, [`${SEALED}.lz4`]: frame }));
    }
  return () => cases.shift()?.();
}

/** Reads a directory by the decisions, and now and then by recovery too. */
async function readDirectory(dir, files) {
  fs.mkdirSync(dir, { recursive: true });
  for (const [name, bytes] of Object.entries(files))
    if (bytes !== undefined) fs.writeFileSync(join(dir, name), bytes);
  try {
    if (turn++ % THREADS_EVERY === 0) await replay(dir);
    const listed = oneFormEach(listLogDirectory(dir).segments);
    const { position } = knownDurable(dir, readDurablePosition(dir), listed);
    const missing = durableSegmentMissing(position, listed[0]?.segmentIndex, dir);
    if (missing !== undefined) throw missing;
    const scan = new LogScan(position);
    for (const { name, segmentIndex, compressed } of withoutRetired(listed, position)) {
      const verdict = scan.judge(segmentIndex, readSegmentFile(join(dir, name), compressed), name);
      if (verdict.error !== undefined) throw verdict.error;
    }
    const lost = scan.finish();
    if (lost !== undefined) throw lost;
  } finally {
    for (const name of fs.readdirSync(dir)) fs.rmSync(join(dir, name));
  }
}
let turn = 0;

async function replay(dir) {
  for (const mode of ['strict', 'diagnostic']) {
    let recovery;
    try {
      recovery = await RecoveryManager.open({ dir, mode, readAhead: 1 });
      let last = 0n;
      while (recovery.next()) {
        const { eventIdBig } = recovery.event;
        if (eventIdBig <= last) throw new Error(`${mode}: event ${eventIdBig} follows ${last}`);
        last = eventIdBig;
      }
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
    } finally {
      await recovery?.close();
    }
  }
}

/** The most memory that the process has had since `peakFromNowOn`, in bytes. */
function peak() {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync('/proc/self/status', 'latin1'));
  return kilobytes * 1024;
}

function peakFromNowOn() {
  fs.writeFileSync('/proc/self/clear_refs', '5');
  return peak();
}

async function main({ parser, dir, seed, runs = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY }) {
  const [make, read] = parsers(dir)[parser];
  const result = { runs: 0, refused: 0, bad: [], slowestMs: 0, slowest: 0, hashed: 0, grownBytes: 0 };
  let fed = 0;
  const end = performance.now() + ms;
  for (let run = 0; run < runs && performance.now() < end; run++) {
    // A run follows from its own seed, so that it can be repeated alone.
    state = (seed + Math.imul(run, 0x9e3779b1)) | 0;
    const made = make();
    if (made === undefined) break;
    result.runs++;
    const isSmall = made.length <= SMALL_BYTES;
    const isMeasured = run >= WARM_UP_RUNS && (!isSmall || run % SMALL_EVERY === 0);
    const memoryBefore = isMeasured ? peakFromNowOn() : 0;
    const hashedBefore = globalThis.hashedBytes;
    const start = performance.now();
    try {
      await read(made);
    } catch (error) {
      if (error instanceof WalError) result.refused++;
      else if (result.bad.length < 5) result.bad.push(`run ${run} of seed ${seed}: ${error.stack}`);
    }
    const took = performance.now() - start;
    const hashed = globalThis.hashedBytes - hashedBefore;
    let grown = isMeasured ? peak() - memoryBefore : 0;
    // What it takes is the least of some: the collector runs when it likes, and threads start slowly on a busy machine.
    for (let again = 0; again < 3 && grown > result.grownBytes; again++) {
      globalThis.gc();
      const before = peakFromNowOn();
      try {
        await read(made);
      } catch {
        // Told above.
      }
      grown = Math.min(grown, peak() - before);
    }
    result.grownBytes = Math.max(result.grownBytes, grown);
    // A header's worth more, for the shortest.
    const size = (made.length ?? Number.POSITIVE_INFINITY) + 1024;
    result.hashed = Math.max(result.hashed, hashed / size);
    if (took > result.slowestMs) Object.assign(result, { slowestMs: took, slowest: run });
    fed += typeof made === 'string' ? 0 : (made.length ?? COLLECT_BYTES / 4);
    if (fed < COLLECT_BYTES) continue;
    globalThis.gc();
    fed = 0;
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(JSON.parse(process.argv[2]));
