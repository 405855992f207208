import { type SegmentFile, WalError } from '@fswal/format';
import {
  compressSegment,
  decompressSegment,
  knownDurable,
  listLogDirectory,
  readDurablePosition,
  readSegmentStart,
} from '@fswal/format/files';
import { loadProvider } from '@fswal/mmap';
import { openDirectories } from './directories.js';
import type { Folder } from './folder.js';
import { refuseForeign } from './foreign-files.js';
import { SegmentFiles } from './segment-files.js';
import { chooseForms } from './segment-forms.js';
import { SegmentFreezer } from './segment-freezer.js';

export interface CompressLogOptions {
  /** The log's directory. No recorder may have it open. */
  readonly dir: string;
  /** As the recorder's option of this name. Default false. */
  readonly allowSharedDirectory?: boolean;
  /** Called after each segment; it may wait, and what it throws ends the work between two segments. */
  readonly onProgress?: (done: number, total: number) => void | Promise<void>;
}

/** A segment that stays as it is, and why. */
export interface SkippedSegment {
  readonly file: string;
  readonly code: WalError['code'];
  readonly reason: string;
}

export interface CompressLogReport {
  /** Names of the files that were made. */
  readonly compressed: readonly string[];
  /** Bytes of those segments, and of the files made from them. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly skipped: readonly SkippedSegment[];
}

/**
 * Compresses the closed segments of a log that no recorder has open, oldest first, as a recorder does it: each is
 * verified as it unpacks before its `.wal` goes, and being killed leaves at least one whole form of it. The segments
 * from the durable position on, and the newest one with events, stay plain: a recorder goes on from there.
 *
 * @throws WalError DIRECTORY_NOT_FOUND; DIRECTORY_LOCKED; OPEN_FAILED, READ_FAILED, DISK_FULL, FSYNC_FAILED,
 * FILE_NOT_DELETED: the segments so far are compressed
 */
export async function compressLog(options: CompressLogOptions): Promise<CompressLogReport> {
  const { dir, allowSharedDirectory = false, onProgress = () => {} } = options;
  // A recorder makes the directory that it opens; here there must be one.
  listLogDirectory(dir);
  const provider = loadProvider();
  const directories = await openDirectories(provider, { dir, tailRingDir: dir, allowSharedDirectory });
  try {
    const files = new SegmentFiles(directories.log, provider);
    const codec = { compress: compressSegment, decompress: decompressSegment };
    const work = new CompressWork(files, new SegmentFreezer(files, codec));
    const segments = closedSegments(directories.log);
    refuseForeign(
      directories.log,
      segments.flatMap((forms) => forms.map(({ name }) => name)),
    );
    for (const [done, segment] of segments.entries()) {
      work.compress(segment);
      await onProgress(done + 1, segments.length);
    }
    return work.report;
  } catch (error) {
    throw directories.log.named(error);
  } finally {
    directories.release();
  }
}

/** The `.wal` of a segment and, where there is one, its `.lz4`. */
type Forms = readonly [SegmentFile] | readonly [SegmentFile, SegmentFile];

class CompressWork {
  readonly report = {
    compressed: [] as string[],
    bytesBefore: 0,
    bytesAfter: 0,
    skipped: [] as SkippedSegment[],
  };
  readonly #files: SegmentFiles;
  readonly #freezer: SegmentFreezer;

  constructor(files: SegmentFiles, freezer: SegmentFreezer) {
    this.#files = files;
    this.#freezer = freezer;
  }

  compress(forms: Forms): void {
    const [{ name, segmentIndex }, packed] = forms;
    const { folder } = this.#files;
    try {
      if (packed !== undefined) this.#requireSame(forms);
      const { bytesBefore, bytesAfter } = this.#freezer.freeze(segmentIndex);
      this.#files.freePlain(segmentIndex, false);
      this.report.compressed.push(`${name}.lz4`);
      this.report.bytesBefore += bytesBefore;
      this.report.bytesAfter += bytesAfter;
    } catch (error) {
      if (!(error instanceof WalError) || !STAYS.has(error.code)) throw error;
      this.report.skipped.push({ file: name, code: error.code, reason: folder.display(error.reason) });
    }
  }

  /** An `.lz4` that is there already is of an interrupted compression. Anything but the same segment is evidence. */
  #requireSame(forms: Forms): void {
    if (chooseForms(this.#files.folder, forms).superfluous.length > 0) return;
    const reason = 'its two forms differ: a recorder that opens the log decides which of them counts';
    throw new WalError('SEGMENT_POSSIBLY_CORRUPTED', reason);
  }
}

/** What is wrong with one segment alone. */
const STAYS: ReadonlySet<WalError['code']> = new Set<WalError['code']>([
  'SEGMENT_CORRUPTED',
  'SEGMENT_POSSIBLY_CORRUPTED',
]);

/** The plain segments that are closed, durable, and not the newest one with events. */
function closedSegments(folder: Folder): Forms[] {
  const meta = readDurablePosition(folder.base);
  const { segments } = listLogDirectory(folder.base);
  const { position } = knownDurable(folder.base, meta, segments);
  const starts = segments.map((file) =>
    readSegmentStart(folder.at(file.name), file.segmentIndex, file.compressed),
  );
  const newest =
    segments.findLast((_, i) => (starts[i]?.header.firstEventId ?? 0n) !== 0n)?.segmentIndex ?? 0;
  const below = Math.min(position.segmentIndex, newest);
  return segments.flatMap((file, i): Forms[] => {
    const isClosed = starts[i]?.header.closedNs !== undefined && starts[i].header.closedNs !== 0n;
    if (file.compressed || file.segmentIndex >= below || !isClosed) return [];
    const packed = segments[i + 1];
    return [packed?.segmentIndex === file.segmentIndex ? [file, packed] : [file]];
  });
}
