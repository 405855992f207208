import fs from 'node:fs';
import path from 'node:path';
import {
  BLOCK_BYTES,
  blockOffset,
  checksum,
  decodeSegmentHeader,
  encodeSegmentHeader,
  eventOffset,
  META_FILE,
  sealBlock,
  TAIL_RING_FILE,
  WalError,
} from '@fswal/format';
import { compressSegment, readBootId } from '@fswal/format/files';
import { loadProvider } from '@fswal/mmap';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LogFolder } from '../src/repair/log-folder.js';
import { repairFolder, repairLog } from '../src/repair/repair-log.js';
import type { RepairReport } from '../src/repair/repair-report.js';
import { Killed, runUntil } from './helpers/kill-switch.js';
import {
  type BuiltLog,
  buildLog,
  full,
  idsAfter,
  type LogSpec,
  tempDir,
  writeMeta,
  writeRing,
} from './helpers/log-builder.js';
import { BOOT, readAll } from './helpers/read-all.js';
import { cut, flip, zero } from './helpers/vandal.js';

type Snapshot = ReadonlyMap<string, Buffer>;

/** The content of every file, by name. */
function snapshot(dir: string): Snapshot {
  return new Map(fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name))]));
}

/** Names of files that differ. Compared as bytes: the runner would compare number by number. */
function differences(dir: string, before: Snapshot): string[] {
  const now = snapshot(dir);
  const names = new Set([...now.keys(), ...before.keys()]);
  return [...names].filter(
    (name) => !(before.get(name) && now.get(name)?.equals(before.get(name) as Buffer)),
  );
}

/** Bytes that the files take on the disk, of whatever name. */
function allocated(dir: string): number {
  const files = fs.readdirSync(dir).map((name) => fs.lstatSync(path.join(dir, name)));
  const blocks = new Map(files.map(({ ino, blocks }) => [ino, blocks]));
  return [...blocks.values()].reduce((sum, count) => sum + count * 512, 0);
}

/** The same directory again, files last changed at the same time: of a file without a header that is all that tells. */
function restore(dir: string, from: Snapshot): void {
  for (const name of fs.readdirSync(dir)) fs.rmSync(path.join(dir, name), { recursive: true });
  for (const [name, bytes] of from) {
    fs.writeFileSync(path.join(dir, name), bytes);
    fs.utimesSync(path.join(dir, name), 1_000, 1_000);
  }
}

function repairNow(dir: string, dryRun = false): RepairReport {
  const folder = LogFolder.open(dir);
  try {
    return repairFolder(folder, dryRun);
  } finally {
    folder.close();
  }
}

function compress(file: string): string {
  fs.writeFileSync(`${file}.lz4`, compressSegment(fs.readFileSync(file)));
  fs.unlinkSync(file);
  return `${file}.lz4`;
}

const usual: LogSpec = {
  segments: [{ blocks: full(16) }, { blocks: full(16) }, { blocks: [256, 256, 100] }],
};

/** Makes a log durable up to an event of a block, as it is now. */
function certify(log: BuiltLog, block: number, count: number, segment = 0): void {
  const { file, ids } = log.segments[segment];
  const start = blockOffset(block) + eventOffset(0);
  const offset = blockOffset(block) + eventOffset(count);
  const prefixChecksum = checksum(fs.readFileSync(file).subarray(start, offset), 0n);
  writeMeta(log, segment, { offset, eventId: ids[block * 256 + count - 1], prefixChecksum });
}

interface Case {
  readonly spec?: LogSpec;
  /** The segment that ends at the durable position. Default: the last. */
  readonly durable?: number;
  readonly damage: (log: BuiltLog) => void;
  /** What happens to which segments; by the number of the segment, `ring` or `lz4` where it is the compressed form. */
  readonly changes: readonly string[];
}

const cases: Record<string, Case> = {
  'a damaged block': {
    damage: ({ segments }) => flip(segments[1].file, blockOffset(3) + 700),
    changes: ['1 rewritten', '2 relinked'],
  },
  'several damaged ranges': {
    damage: ({ segments }) => {
      zero(segments[0].file, blockOffset(2) + 100, blockOffset(5) - 100);
      flip(segments[0].file, blockOffset(9) + 70);
      flip(segments[2].file, blockOffset(1) + 7_000);
    },
    changes: ['0 rewritten', '1 relinked', '2 rewritten'],
  },
  'a damaged segment header': {
    damage: ({ segments }) => flip(segments[1].file, 20),
    changes: ['1 rewritten'],
  },
  'a segment of which nothing is left, among others': {
    damage: ({ segments }) => fs.writeFileSync(segments[1].file, new Uint8Array(50_000).fill(7)),
    changes: ['1 moved aside', '1 added', '2 relinked'],
  },
  'a first segment of which nothing is left': {
    damage: ({ segments }) => fs.writeFileSync(segments[0].file, new Uint8Array(50_000).fill(7)),
    changes: ['0 moved aside'],
  },
  'a last segment of which nothing is left': {
    damage: ({ segments }) => fs.writeFileSync(segments[2].file, new Uint8Array(50_000).fill(7)),
    changes: ['2 moved aside'],
  },
  'a log of which nothing is left': {
    damage: ({ segments }) => {
      for (const { file } of segments) fs.writeFileSync(file, new Uint8Array(50_000).fill(7));
    },
    changes: ['0 moved aside', '1 moved aside', '2 moved aside'],
  },
  'a missing segment': {
    damage: ({ segments }) => fs.unlinkSync(segments[1].file),
    changes: ['1 added', '2 relinked'],
  },
  'a missing end': { damage: ({ segments }) => fs.unlinkSync(segments[2].file), changes: [] },
  'a missing beginning, with the durable position': {
    durable: 1,
    damage: ({ segments }) => {
      fs.unlinkSync(segments[0].file);
      fs.unlinkSync(segments[1].file);
    },
    changes: [],
  },
  'a missing segment behind an unsealed block': {
    spec: { segments: [{ blocks: full(3), tail: 90 }, { blocks: full(2) }, { blocks: full(16) }] },
    durable: 2,
    damage: ({ segments }) => fs.unlinkSync(segments[1].file),
    changes: ['0 rewritten', '1 added', '2 relinked'],
  },
  'a cut file': {
    damage: ({ segments }) => cut(segments[1].file, blockOffset(10) + 1_000),
    changes: ['1 rewritten', '2 relinked'],
  },
  'a torn tail': {
    durable: 1,
    damage: ({ segments }) => flip(segments[2].file, blockOffset(1) + 700),
    changes: ['2 rewritten'],
  },
  'a torn tail with segments behind it': {
    spec: { segments: [...usual.segments, ...usual.segments.slice(1)] },
    durable: 0,
    damage: ({ segments }) => flip(segments[2].file, blockOffset(1) + 700),
    changes: ['2 rewritten', '3 moved aside', '4 moved aside'],
  },
  'damage before and behind the durable position': {
    durable: 1,
    damage: ({ segments }) => {
      flip(segments[0].file, blockOffset(1) + 700);
      flip(segments[2].file, blockOffset(1) + 700);
    },
    changes: ['0 rewritten', '1 relinked', '2 rewritten'],
  },
  'a missing segment with the durable position, before a torn tail': {
    spec: { segments: [...usual.segments.slice(0, 2), ...usual.segments] },
    durable: 1,
    damage: ({ segments }) => {
      fs.unlinkSync(segments[1].file);
      flip(segments[2].file, blockOffset(3) + 700);
    },
    changes: ['1 added', '2 rewritten', '3 moved aside', '4 moved aside'],
  },
  'damage before an unsealed block that is durable': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(3), tail: 90 }] },
    damage: (log) => {
      const offset = blockOffset(3) + eventOffset(60);
      const bytes = fs.readFileSync(log.segments[1].file);
      const prefixChecksum = checksum(bytes.subarray(blockOffset(3) + 64, offset), 0n);
      writeMeta(log, 1, { offset, eventId: log.lastId - 30n, prefixChecksum });
      flip(log.segments[0].file, blockOffset(1) + 300);
      flip(log.segments[1].file, blockOffset(1) + 300);
    },
    changes: ['0 rewritten', '1 rewritten'],
  },
  'damage before a durable block of which the rest was torn off, and later blocks and segments': {
    damage: (log) => {
      const { file } = log.segments[0];
      certify(log, 5, 100);
      zero(file, blockOffset(5), blockOffset(5) + eventOffset(0));
      zero(file, blockOffset(5) + eventOffset(100), blockOffset(6));
      flip(file, blockOffset(2) + 700);
    },
    changes: ['0 rewritten', '1 moved aside', '2 moved aside'],
  },
  'damage before a durable block that was sealed later, and behind the position in it': {
    damage: (log) => {
      const { file } = log.segments[0];
      certify(log, 5, 100);
      flip(file, blockOffset(5) + eventOffset(150) + 20);
      flip(file, blockOffset(2) + 700);
    },
    changes: ['0 rewritten', '1 moved aside', '2 moved aside'],
  },
  'damage before an unsealed durable block, behind which another segment does not follow': {
    spec: { segments: [{ blocks: full(5), tail: 120 }, { blocks: full(16) }] },
    damage: (log) => {
      certify(log, 5, 100);
      flip(log.segments[0].file, blockOffset(2) + 700);
    },
    changes: ['0 rewritten', '1 moved aside'],
  },
  'damage before an unsealed durable block, and a missing segment behind it': {
    spec: { segments: [{ blocks: full(5), tail: 120 }, { blocks: full(16) }, { blocks: full(3) }] },
    damage: (log) => {
      certify(log, 5, 100);
      flip(log.segments[0].file, blockOffset(2) + 700);
      fs.unlinkSync(log.segments[1].file);
    },
    changes: ['0 rewritten', '2 moved aside'],
  },
  'damage before an unsealed durable block that lies there twice': {
    spec: { segments: [{ blocks: full(5), tail: 120 }] },
    damage: (log) => {
      const { file } = log.segments[0];
      certify(log, 5, 120);
      flip(file, blockOffset(2) + 700);
      const bytes = fs.readFileSync(file);
      bytes.copyWithin(blockOffset(6), blockOffset(5), blockOffset(6));
      fs.writeFileSync(file, bytes);
    },
    changes: ['0 rewritten'],
  },
  'damage before a segment that ends before the durable position, in a block without a header': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(3), tail: 200 }] },
    damage: (log) => {
      certify(log, 3, 200, 1);
      zero(log.segments[1].file, blockOffset(3) + eventOffset(33), blockOffset(4));
      flip(log.segments[0].file, blockOffset(2) + 700);
    },
    changes: ['0 rewritten', '1 rewritten'],
  },
  'damage before a durable block that is full and has lost its header': {
    damage: (log) => {
      const { file } = log.segments[0];
      certify(log, 5, 100);
      zero(file, blockOffset(5), blockOffset(5) + eventOffset(0));
      flip(file, blockOffset(2) + 700);
    },
    changes: ['0 rewritten', '1 moved aside', '2 moved aside'],
  },
  'damage before a full block without a header, behind the durable position': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(3), tail: 256 }] },
    durable: 0,
    damage: ({ segments }) => flip(segments[0].file, blockOffset(2) + 700),
    changes: ['0 rewritten', '1 relinked'],
  },
  'a missing segment behind an unsealed block that holds the durable position': {
    spec: { segments: [{ blocks: full(5), tail: 120 }, { blocks: full(16) }, { blocks: full(3) }] },
    damage: (log) => {
      certify(log, 5, 100);
      fs.unlinkSync(log.segments[1].file);
    },
    changes: ['0 rewritten', '1 added', '2 relinked'],
  },
  'a damaged block, and an unsealed one over another, behind the durable position': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(13), tail: 200 }] },
    durable: 0,
    damage: ({ segments }) => {
      flip(segments[0].file, blockOffset(2) + 700);
      const bytes = fs.readFileSync(segments[1].file);
      bytes.copyWithin(blockOffset(3), blockOffset(13), blockOffset(14));
      fs.writeFileSync(segments[1].file, bytes);
    },
    changes: ['0 rewritten', '1 rewritten'],
  },
  'an unsealed block over an earlier one': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(13), tail: 200 }] },
    damage: (log) => {
      certify(log, 8, 50, 1);
      const { file } = log.segments[1];
      const bytes = fs.readFileSync(file);
      bytes.copyWithin(blockOffset(3), blockOffset(13), blockOffset(14));
      fs.writeFileSync(file, bytes);
    },
    changes: ['1 rewritten'],
  },
  'a durable position that does not fit': {
    damage: (log) => writeMeta(log, 2, { eventId: log.lastId - 1n }),
    changes: [],
  },
  'a segment of another log': {
    damage: ({ segments }) => {
      const other = buildLog({ segments: [{ blocks: full(16) }], firstSegmentIndex: 1, firstEventId: 4097n });
      fs.copyFileSync(other.segments[0].file, segments[1].file);
    },
    changes: ['1 relinked'],
  },
  'a first block that a recycled file had before': {
    spec: { ...usual, firstSegmentIndex: 3, firstEventId: 12_289n },
    damage: ({ segments }) => {
      const stale = fs.readFileSync(buildLog({ segments: [{ blocks: full(16) }] }).segments[0].file);
      const bytes = fs.readFileSync(segments[0].file);
      stale.copy(bytes, blockOffset(0), blockOffset(0), blockOffset(1));
      fs.writeFileSync(segments[0].file, bytes);
    },
    changes: ['3 rewritten', '4 relinked', '5 relinked'],
  },
  'a damaged compressed segment': {
    damage: ({ segments }) => {
      const packed = compress(segments[1].file);
      flip(packed, fs.statSync(packed).size >> 1);
      compress(segments[2].file);
    },
    changes: ['1.lz4 rewritten', '2.lz4 relinked'],
  },
  'compressed segments behind damage': {
    damage: ({ segments }) => {
      flip(segments[0].file, blockOffset(4));
      compress(segments[1].file);
    },
    changes: ['0 rewritten', '1.lz4 relinked', '2 relinked'],
  },
  'both forms, of which the plain one is damaged': {
    damage: ({ segments }) => {
      const bytes = fs.readFileSync(segments[1].file);
      fs.writeFileSync(`${segments[1].file}.lz4`, compressSegment(bytes));
      flip(segments[1].file, blockOffset(4));
    },
    changes: ['1 moved aside'],
  },
  'both forms, behind damage': {
    damage: ({ segments }) => {
      flip(segments[0].file, blockOffset(4));
      const plain = fs.readFileSync(segments[1].file);
      compress(segments[1].file);
      fs.writeFileSync(segments[1].file, plain);
    },
    changes: ['0 rewritten', '1 relinked', '1.lz4 moved aside', '2 relinked'],
  },
  'the last block before a tail ring': {
    spec: { segments: [{ blocks: full(16) }, { blocks: [256, 200] }] },
    damage: (log) => {
      flip(log.segments[0].file, blockOffset(4));
      const ids = idsAfter(log.lastId, 300);
      writeRing(log.dir, { tailBlocks: 4, afterEventId: log.lastId, link: log.link, ids, bootId: BOOT });
    },
    changes: ['0 rewritten', '1 relinked'],
  },
  'a torn tail before segments that were made ahead': {
    spec: { segments: [...usual.segments, { blocks: [], open: true }, { blocks: [], open: true }] },
    durable: 0,
    damage: ({ segments }) => flip(segments[1].file, blockOffset(1) + 700),
    changes: ['1 rewritten', '2 moved aside', '3 moved aside', '4 moved aside'],
  },
  'a segment made ahead that is damaged, among others': {
    spec: { segments: [...usual.segments, ...Array(3).fill({ blocks: [], open: true })] },
    durable: 2,
    damage: ({ segments }) => flip(segments[3].file, 20),
    changes: ['3 moved aside', '4 moved aside', '5 moved aside'],
  },
  'a durable unsealed block that does not match its certificate': {
    spec: { segments: [{ blocks: full(16) }, { blocks: [], tail: 100 }] },
    damage: (log) => {
      const offset = blockOffset(0) + eventOffset(100);
      const bytes = fs.readFileSync(log.segments[1].file);
      const prefixChecksum = checksum(bytes.subarray(blockOffset(0) + 64, offset), 0n);
      writeMeta(log, 1, { offset, prefixChecksum });
      flip(log.segments[1].file, blockOffset(0) + eventOffset(9) + 24);
    },
    changes: ['1 moved aside'],
  },
  'a chain that is broken amid a segment': {
    damage: ({ segments }) => {
      const bytes = fs.readFileSync(segments[1].file);
      sealBlock(bytes.subarray(blockOffset(5), blockOffset(6)), 5, 256, 4711n);
      fs.writeFileSync(segments[1].file, bytes);
    },
    changes: ['1 rewritten'],
  },
  'a header that speaks of fewer blocks than there are': {
    damage: ({ segments }) => {
      const bytes = fs.readFileSync(segments[1].file);
      encodeSegmentHeader({ ...decodeSegmentHeader(bytes), blockCount: 14 }, bytes);
      fs.writeFileSync(segments[1].file, bytes);
    },
    changes: ['1 rewritten', '2 relinked'],
  },
  'a damaged durable position, and the end of the newest closed segment': {
    spec: { segments: [{ blocks: full(16) }, { blocks: full(16) }] },
    damage: ({ dir, segments }) => {
      flip(path.join(dir, META_FILE), 9);
      flip(segments[1].file, blockOffset(15) + 700);
    },
    changes: ['1 rewritten'],
  },
  'a missing durable position, and a damaged block': {
    damage: ({ dir, segments }) => {
      fs.unlinkSync(path.join(dir, META_FILE));
      flip(segments[1].file, blockOffset(3) + 700);
    },
    changes: ['1 rewritten', '2 relinked'],
  },
  'a damaged durable position, and nothing that is known to be durable': {
    spec: { segments: [{ blocks: full(5), open: true, tail: 40 }] },
    damage: ({ dir, segments }) => {
      flip(path.join(dir, META_FILE), 9);
      flip(segments[0].file, blockOffset(3) + 700);
    },
    changes: ['0 rewritten'],
  },
  'a tail ring that does not connect': {
    damage: (log) => {
      const ids = idsAfter(log.lastId + 100n, 300);
      writeRing(log.dir, { tailBlocks: 4, afterEventId: log.lastId + 100n, ids, bootId: BOOT });
    },
    changes: ['ring moved aside'],
  },
};

/** `1 rewritten` for a segment, `1.lz4 rewritten` for its compressed form. */
function changesOf({ files }: RepairReport): string[] {
  return files.map(({ file, change }) => {
    const name = path.basename(file);
    const index = name === TAIL_RING_FILE ? 'ring' : Number(name.slice(3, 11));
    return `${index}${name.endsWith('.lz4') ? '.lz4' : ''} ${change}`;
  });
}

function damaged(
  { spec = usual, durable, damage }: Case,
  version: 1 | 2,
): { log: BuiltLog; before: Snapshot } {
  const log = buildLog({ ...spec, version });
  writeMeta(log, durable);
  damage(log);
  restore(log.dir, snapshot(log.dir));
  return { log, before: snapshot(log.dir) };
}

const all = Object.entries(cases);

describe('repair', () => {
  it.each([1, 2] as const)('leaves a sound log alone, version %i', async (version) => {
    const log = buildLog({ version, segments: [{ blocks: full(16) }, { blocks: [5, 256], tail: 77 }] });
    writeMeta(log, 0);
    const before = snapshot(log.dir);
    const report = await repairLog({ dir: log.dir });
    expect(report).toEqual({
      dir: log.dir,
      dryRun: false,
      repaired: false,
      roomBytes: 0,
      gaps: [],
      files: [],
      events: log.ids.length,
      firstEventId: 1n,
      lastEventId: log.lastId,
      durableBefore: { eventId: 4096n, source: META_FILE },
      tailRing: null,
    });
    expect(differences(log.dir, before)).toEqual([]);
  });

  it.each(all)('of %s keeps all that verifies, and the log is sound then', (_, each) => {
    const { log, before } = damaged(each, 2);
    const found = readAll(log.dir, { mode: 'diagnostic' });
    const planned = repairNow(log.dir, true);
    expect(differences(log.dir, before)).toEqual([]);
    const report = repairNow(log.dir);
    expect(planned).toEqual({ ...report, dryRun: true });
    expect(report.repaired).toBe(true);
    expect(changesOf(report)).toEqual(each.changes);

    const strict = readAll(log.dir);
    expect(strict.error).toBeUndefined();
    expect(strict.end.tail).toBeNull();
    expect(strict.ids).toEqual(found.ids);
    const ringEvents = report.tailRing?.events ?? 0;
    expect(report.events).toBe(strict.ids.length - ringEvents);
    if (strict.ids.length > 0) {
      expect(report.firstEventId).toBe(strict.ids[0]);
      expect(report.lastEventId).toBe(strict.ids.at(-1 - ringEvents));
    }
    const [metaBefore, metaAside] = [before.get(META_FILE), path.join(log.dir, `${META_FILE}.broken`)];
    if (report.durableBefore.source === 'derived' && metaBefore !== undefined)
      expect(fs.readFileSync(metaAside).equals(metaBefore)).toBe(true);
    // What was dropped of lies there as it was.
    for (const { file, keptAs, droppedBytes, change } of report.files) {
      if (keptAs === null) expect([change, droppedBytes]).toEqual([change, 0]);
      else expect(fs.readFileSync(keptAs).equals(before.get(path.basename(file)) as Buffer)).toBe(true);
    }
    expect(repairNow(log.dir)).toMatchObject({ repaired: false, gaps: [], files: [] });
  });

  it.each(all)('of %s, version 1, makes the log sound', (_, each) => {
    const { log } = damaged(each, 1);
    const found = readAll(log.dir, { mode: 'diagnostic' });
    repairNow(log.dir);
    const strict = readAll(log.dir);
    expect(strict.error).toBeUndefined();
    expect(strict.ids).toEqual(found.ids);
    expect(repairNow(log.dir).repaired).toBe(false);
  });

  it.each(all)('of %s, killed before each change of a file, comes to the same', (_, each) => {
    const { log, before } = damaged(each, 2);
    const { dir } = log;
    const repair = () => void repairNow(dir);
    const { steps, error } = runUntil(Number.POSITIVE_INFINITY, repair);
    expect(error).toBeUndefined();
    expect(steps).toBeGreaterThan(1);
    const whole = snapshot(dir);
    for (let step = 0; step < steps; step++) {
      restore(dir, before);
      expect(runUntil(step, repair).error).toSatisfy(isKilled);
      expect(repairNow(dir).dryRun).toBe(false);
      expect(differences(dir, whole), `killed before step ${step}`).toEqual([]);
    }
  });
});

/** Killed itself, or an error that came of it. */
function isKilled(error: unknown): boolean {
  return error instanceof Killed || (error instanceof WalError && error.cause instanceof Killed);
}

describe('a repair', () => {
  it('says what was dropped', () => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const { file } = log.segments[1];
    const report = repairNow(log.dir);
    expect(report.files[0]).toMatchObject({
      file,
      keptAs: `${file}.broken`,
      droppedBytes: BLOCK_BYTES,
      droppedBlocks: 1,
      gaps: [{ reason: 'BLOCK_CHECKSUM_MISMATCH', block: 3, afterEventId: 4864n, beforeEventId: 5121n }],
    });
    expect(report.gaps).toHaveLength(1);
    expect(report.durableBefore.eventId).toBe(log.lastId);
  });

  it('says what of a torn tail was cut: all blocks up to its end', () => {
    const log = buildLog({ segments: [{ blocks: full(4) }, { blocks: full(6), open: true }] });
    writeMeta(log, 0);
    flip(log.segments[1].file, blockOffset(2) + 1000);
    const { files } = repairNow(log.dir);
    expect(files).toMatchObject([{ droppedBlocks: 4, gaps: [{ block: 2, blocks: 4 }] }]);
  });

  it.each([META_FILE, 'FS.00000001.wal'])('moves a directory aside that is in its way: %s.tmp', (name) => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const temp = path.join(log.dir, `${name}.tmp`);
    fs.mkdirSync(temp);
    fs.writeFileSync(path.join(temp, 'something'), '');
    repairNow(log.dir);
    expect(fs.readdirSync(log.dir)).not.toContain(`${name}.tmp`);
    expect(fs.readdirSync(`${temp}.broken`)).toEqual(['something']);
    expect(readAll(log.dir).error).toBeUndefined();
  });

  it('never takes the name of a file that was kept before', () => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const { file } = log.segments[1];
    fs.writeFileSync(`${file}.broken`, 'of long ago');
    expect(repairNow(log.dir).files[0]?.keptAs).toBe(`${file}.1.broken`);
    expect(fs.readFileSync(`${file}.broken`, 'utf8')).toBe('of long ago');
  });

  it('lets the tail ring go on from the block that is chained anew', () => {
    const { log } = damaged(cases['the last block before a tail ring'] as Case, 2);
    expect(repairNow(log.dir).tailRing).toMatchObject({ events: 300 });
    expect(readAll(log.dir).ids.at(-1)).toBe(log.lastId + 300n);
  });

  it('leaves the events to a tail ring that holds all of them, where nothing is left of the segments', () => {
    const log = buildLog({ segments: [{ blocks: [], tail: 100 }] });
    const offset = blockOffset(0) + eventOffset(100);
    const bytes = fs.readFileSync(log.segments[0].file);
    const prefixChecksum = checksum(bytes.subarray(blockOffset(0) + 64, offset), 0n);
    writeMeta(log, 0, { offset, prefixChecksum });
    const ids = [...log.ids, ...idsAfter(log.lastId, 20)];
    writeRing(log.dir, { tailBlocks: 4, afterEventId: 0n, ids, bootId: readBootId() });
    flip(log.segments[0].file, blockOffset(0) + eventOffset(9) + 24);
    const report = repairNow(log.dir);
    expect(changesOf(report)).toEqual(['0 moved aside']);
    expect(report.tailRing).toEqual({ events: 120, note: null });
    const strict = readAll(log.dir, { bootId: readBootId() });
    expect(strict.error).toBeUndefined();
    expect(strict.ids).toEqual(ids);
    expect(repairNow(log.dir).repaired).toBe(false);
  });

  it('keeps ids of an emptied log from being used again', () => {
    const { log } = damaged(cases['a log of which nothing is left'] as Case, 2);
    repairNow(log.dir);
    expect(readAll(log.dir)).toMatchObject({ ids: [], error: undefined });
    expect(readAll(log.dir).reader.summary.durable.eventId).toBe(log.lastId);
  });

  it('changes nothing where a file cannot be read', async () => {
    const { log, before } = damaged(cases['a damaged block'] as Case, 2);
    const failing = fs.statSync(log.segments[2].file).ino;
    const real = fs.readSync as (...args: unknown[]) => number;
    const spy = vi.spyOn(fs, 'readSync').mockImplementation(((fd: number, ...rest: unknown[]) => {
      if (fs.fstatSync(fd).ino === failing) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return real(fd, ...rest);
    }) as typeof fs.readSync);
    onTestFinished(() => spy.mockRestore());
    const error = await repairLog({ dir: log.dir }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'READ_FAILED', file: log.segments[2].file });
    expect((error as WalError).message).toContain('copy');
    spy.mockRestore();
    expect(differences(log.dir, before)).toEqual([]);
  });

  it('changes nothing where the newest closed segment cannot be opened, which the durable position is derived from', async () => {
    const { log, before } = damaged(cases['a missing durable position, and a damaged block'] as Case, 2);
    const real = fs.openSync;
    let fails = true;
    const spy = vi.spyOn(fs, 'openSync').mockImplementation((file, ...rest) => {
      if (!fails || path.basename(String(file)) !== path.basename(log.segments[2].file))
        return real(file, ...rest);
      fails = false;
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    });
    onTestFinished(() => spy.mockRestore());
    await expect(repairLog({ dir: log.dir })).rejects.toMatchObject({ code: 'OPEN_FAILED' });
    expect(differences(log.dir, before)).toEqual([]);
  });

  it('changes nothing where more segments are missing than a log can lose', async () => {
    const log = buildLog({ segments: [{ blocks: full(2) }] });
    writeMeta(log);
    const far = buildLog({
      segments: [{ blocks: full(2) }],
      firstSegmentIndex: 90_000,
      firstEventId: 9_000n,
    });
    fs.copyFileSync(far.segments[0].file, path.join(log.dir, path.basename(far.segments[0].file)));
    const before = snapshot(log.dir);
    await expect(repairLog({ dir: log.dir })).rejects.toMatchObject({ code: 'SEGMENT_GAP', file: log.dir });
    expect(differences(log.dir, before)).toEqual([]);
  });

  it('is refused while somebody holds the directory', async () => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const lock = await loadProvider().lockDirectory(log.dir);
    onTestFinished(() => lock.release());
    const refused = { code: 'DIRECTORY_LOCKED', file: log.dir };
    await expect(repairLog({ dir: log.dir })).rejects.toMatchObject(refused);
    await expect(repairLog({ dir: log.dir, dryRun: true })).rejects.toMatchObject(refused);
  });

  it('refuses what is no directory, and options of another type', async () => {
    await expect(repairLog({ dir: path.join(tempDir(), 'no') })).rejects.toMatchObject({
      code: 'DIRECTORY_NOT_FOUND',
    });
    await expect(repairLog({ dir: '' })).rejects.toThrow(TypeError);
    await expect(repairLog({ dir: '.', dryRun: 1 as never })).rejects.toThrow(TypeError);
  });

  it('tells how far it is', async () => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const seen: string[] = [];
    await repairLog({ dir: log.dir, onProgress: (done, total) => seen.push(`${done}/${total}`) });
    expect(seen).toEqual(['1/3', '2/3', '3/3', '4/6', '5/6', '6/6']);
  });

  it.each(all)('of %s takes no more room than it says', (_, each) => {
    const { log } = damaged(each, 2);
    const { roomBytes } = repairNow(log.dir, true);
    const before = allocated(log.dir);
    let most = before;
    const real = fs.fdatasyncSync;
    const spy = vi.spyOn(fs, 'fdatasyncSync').mockImplementation((fd) => {
      real(fd);
      most = Math.max(most, allocated(log.dir));
    });
    onTestFinished(() => spy.mockRestore());
    expect(repairNow(log.dir).roomBytes).toBe(roomBytes);
    expect(most - before).toBeLessThanOrEqual(roomBytes);
  });

  it('changes nothing where there is less room than it takes', async () => {
    const { log, before } = damaged(cases['several damaged ranges'] as Case, 2);
    const { roomBytes } = repairNow(log.dir, true);
    const bsize = 4096;
    const left = roomBytes / bsize - 1;
    const spy = vi
      .spyOn(fs, 'statfsSync')
      .mockReturnValue({ type: 0, bsize, blocks: 1000, bfree: left, bavail: left, files: 0, ffree: 0 });
    onTestFinished(() => spy.mockRestore());
    const error = await repairLog({ dir: log.dir }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DISK_FULL', file: log.dir });
    expect((error as WalError).reason).toContain(`takes ${roomBytes} bytes of room, and ${left * bsize} are`);
    expect(differences(log.dir, before)).toEqual([]);
    spy.mockReturnValue({ type: 0, bsize, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0 });
    expect((await repairLog({ dir: log.dir })).repaired).toBe(true);
  });

  it('does not count what a killed one has left half-written', async () => {
    const { log } = damaged(cases['a damaged block'] as Case, 2);
    const left = [
      `${log.segments[1].file}.tmp`,
      `${log.segments[2].file}.lz4.tmp`,
      path.join(log.dir, `${META_FILE}.tmp`),
    ];
    for (const file of left) fs.writeFileSync(file, new Uint8Array(100_000));
    const own = path.join(log.dir, 'FS.notes.tmp');
    fs.writeFileSync(own, 'mine');
    const free = repairNow(log.dir, true).roomBytes - 4096;
    const spy = vi.spyOn(fs, 'statfsSync').mockImplementation((() => {
      const bfree = (free + (left.some((file) => fs.existsSync(file)) ? 0 : 4096)) / 4096;
      return { blocks: 1000, bsize: 4096, bfree, bavail: bfree };
    }) as unknown as typeof fs.statfsSync);
    onTestFinished(() => spy.mockRestore());
    expect((await repairLog({ dir: log.dir })).repaired).toBe(true);
    expect([...left, own].filter((file) => fs.existsSync(file))).toEqual([own]);
  });

  it('leaves nothing half-written where the disk fills, and goes on when there is room', async () => {
    const { log } = damaged(cases['several damaged ranges'] as Case, 2);
    const found = readAll(log.dir, { mode: 'diagnostic' });
    const real = fs.writeSync as (...args: unknown[]) => number;
    let room = 300_000;
    const spy = vi.spyOn(fs, 'writeSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      from: number,
    ) => {
      const written = Math.min(room, bytes.length - from);
      room -= written;
      if (written === 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
      return real(fd, bytes, from, written, from);
    }) as unknown as typeof fs.writeSync);
    onTestFinished(() => spy.mockRestore());
    await expect(repairLog({ dir: log.dir })).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(fs.readdirSync(log.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readAll(log.dir, { mode: 'diagnostic' }).ids).toEqual(found.ids);
    spy.mockRestore();
    await repairLog({ dir: log.dir });
    expect(readAll(log.dir)).toMatchObject({ ids: found.ids, error: undefined });
  });

  it('needs room for one segment beside the damaged one', () => {
    const { log, before } = damaged(cases['several damaged ranges'] as Case, 2);
    const temps: number[] = [];
    const real = fs.renameSync;
    const spy = vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      temps.push(fs.readdirSync(log.dir).filter((name) => name.endsWith('.tmp')).length);
      real(from, to);
    });
    onTestFinished(() => spy.mockRestore());
    repairNow(log.dir);
    expect(temps.length).toBeGreaterThan(3);
    expect(Math.max(...temps)).toBe(1);
    const largest = Math.max(...[...before.values()].map(({ length }) => length));
    for (const [name, { length }] of snapshot(log.dir)) {
      if (!name.endsWith('.broken')) expect(length).toBeLessThanOrEqual(largest);
    }
  });
});
