import fs from 'node:fs';
import {
  asWords,
  blockOffset,
  type DurablePosition,
  EVENT_BYTES,
  encodeMeta,
  type FormatVersion,
  idAt,
  META_FILE,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentVerification,
  segmentFileName,
  verifySegment,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import {
  compressSegment,
  MAX_COMPRESSED_BYTES,
  MAX_SEGMENT_BYTES,
  oneFormEach,
  readRegularFile,
  readSegmentFile,
  salvageFrame,
} from '@fswal/format/files';
import { DiagnosticScan, type JudgedSegment } from '../diagnostic-scan.js';
import { bytesInUse } from '../log-reader.js';
import type { LogSurvey } from '../log-survey.js';
import type { Gap } from '../recovery-report.js';
import type { SoundParts } from '../segment-salvage.js';
import type { LogFolder } from './log-folder.js';
import type { RepairedFile } from './repair-report.js';
import {
  countEvents,
  isChainedTo,
  type RewrittenSegment,
  rewriteSegment,
  type SegmentFrame,
} from './rewrite-segment.js';
import { SegmentEnd } from './segment-end.js';

/** More segments missing in a row than this is not damage of a log, but a name that is none of its. */
const MAX_MISSING_SEGMENTS = 10_000;

/** A segment as it was found. */
interface FoundSegment {
  readonly file: SegmentFile;
  readonly bytes: Uint8Array;
  /** What is wrong with the file as a whole. */
  readonly damage: WalError | undefined;
  /** The other form of the same segment, where it is not the same content. */
  readonly otherForm: SegmentFile | undefined;
}

/** The last segment with events so far, as it will be. */
interface KeptSegment {
  readonly file: SegmentFile;
  readonly version: FormatVersion;
  readonly closedNs: bigint;
  readonly chainedChecksum: bigint;
  /** What it takes to close it, where more could have followed in it. */
  readonly open: { readonly judged: JudgedSegment; readonly frame: SegmentFrame } | undefined;
}

/**
 * One walk over a log that repairs it, or only tells what it would do. It decides by what lies in the directory alone,
 * never by what an earlier walk has done, so that a walk that was killed and the next one together do what one does.
 *
 * The segments are taken in order, one at a time. Of a damaged one is kept what verifies; those behind it are chained to
 * what comes before them now. The durable position comes last: until then it is that of the damaged log.
 */
export class LogRepair {
  /** The end of the segments as they were, and as they will be. Undefined where nothing is left. */
  before: SegmentEnd | undefined;
  after: SegmentEnd | undefined;
  events = 0;
  firstEventId = 0n;
  readonly files: RepairedFile[] = [];

  readonly #folder: LogFolder;
  readonly #survey: LogSurvey;
  readonly #write: boolean;
  readonly #scan: DiagnosticScan;
  readonly #extraGaps: Gap[] = [];
  readonly #unchanged: string[] = [];
  #kept: KeptSegment | undefined;
  /** The last segment that stays in the directory; -1 = none. */
  #lastIndex = -1;
  /** Whether the last durable event lies where the metadata file says. */
  #holdsDurable = false;
  #ended = false;

  /** @param write false: nothing is changed */
  constructor(folder: LogFolder, survey: LogSurvey, write: boolean) {
    this.#folder = folder;
    this.#survey = survey;
    this.#write = write;
    this.#scan = new DiagnosticScan(survey.durable.position);
    if (survey.missing !== undefined) this.#scan.note(folder.named(survey.missing) as WalError);
  }

  get gaps(): readonly Gap[] {
    return [...this.#scan.gaps, ...this.#extraGaps];
  }

  get needed(): boolean {
    return this.files.length > 0 || this.gaps.length > 0;
  }

  /**
   * @param onSegment called behind each segment
   * @throws WalError READ_FAILED, OPEN_FAILED, SEGMENT_GAP: a walk that does not write finds these first; DISK_FULL,
   * WRITE_FAILED, FSYNC_FAILED: what was done so far stands, and another repair goes on
   */
  run(onSegment: () => void): void {
    const { kept } = this.#survey;
    for (const file of oneFormEach(kept)) {
      const other = kept.find((form) => form !== file && form.segmentIndex === file.segmentIndex);
      const found = this.#find(file, other);
      if (this.#ended) this.#takeBeyond(found);
      else this.#take(found);
      onSegment();
    }
    this.#scan.finish();
  }

  /**
   * Moves the durable position to the end of the segments, where it does not fit them any more. Before it everything that
   * is kept is on the device. One that was derived will be derived anew.
   */
  storeEnd(): void {
    const { durable, missing } = this.#survey;
    const { offset, eventId } = durable.position;
    const reached = (this.after?.lastEventId ?? 0n) >= eventId;
    const fits = missing === undefined && reached && (offset <= SEGMENT_HEADER_BYTES || this.#holdsDurable);
    if (fits || durable.report.source === 'derived') return;
    for (const name of this.#unchanged) this.#folder.syncFile(name);
    this.#folder.replace(META_FILE, encodeMeta(this.after?.position ?? this.#emptyPosition()), false);
  }

  /** Of a log without an event: later ones are above all that were durable once. */
  #emptyPosition(): DurablePosition {
    const { eventId, segmentIndex } = this.#survey.durable.position;
    const offset = eventId === 0n ? SEGMENT_HEADER_BYTES : 0;
    return { segmentIndex: segmentIndex + 1, offset, eventId, prefixChecksum: 0n };
  }

  // Reading

  /** The form of a segment that counts: the first that is whole, else the plain one. */
  #find(file: SegmentFile, other: SegmentFile | undefined): FoundSegment {
    const found = this.#read(file);
    if (other === undefined) return { ...found, otherForm: undefined };
    const plain = verifyWhole(found);
    const packed = this.#read(other);
    const unpacked = verifyWhole(packed);
    if (plain === undefined && unpacked !== undefined) return { ...packed, otherForm: file };
    const same = plain !== undefined && unpacked?.chainedChecksum === plain.chainedChecksum;
    return { ...found, otherForm: same && unpacked?.events === plain.events ? undefined : other };
  }

  #read(file: SegmentFile): Omit<FoundSegment, 'otherForm'> {
    const from = this.#folder.at(file.name);
    try {
      return { file, bytes: readSegmentFile(from, file.compressed), damage: undefined };
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      const { code, reason, cause, offset } = error;
      const damage = new WalError(code, reason, { file: this.#folder.label(file.name), offset, cause });
      if (code === 'READ_FAILED') {
        const advice = `${reason}; nothing was changed: copy the directory to a sound disk and repair the copy`;
        throw new WalError(code, advice, { file: damage.file, offset, cause });
      }
      if (code !== 'SEGMENT_CORRUPTED') throw damage;
      if (!file.compressed) return { file, bytes: new Uint8Array(0), damage };
      const frame = readRegularFile(from, MAX_COMPRESSED_BYTES);
      return { file, bytes: salvageFrame(frame, MAX_SEGMENT_BYTES), damage };
    }
  }

  // Deciding

  #take(found: FoundSegment): void {
    const { file, bytes, damage } = found;
    const { segmentIndex, name } = file;
    const known = this.#scan.gaps.length;
    if (damage !== undefined) this.#scan.note(damage);
    const judged = this.#scan.judge(segmentIndex, bytes, this.#folder.label(name));
    const { decision, verification } = judged.verdict;
    if (decision === 'tail') this.#ended = true;
    if (decision === 'tail') this.#noteTail(found, judged);
    const gaps = [...this.#scan.gaps.slice(known), ...(decision === 'tail' ? this.#extraGaps : [])];
    const own = gaps.filter((gap) => gap.reason !== 'SEGMENT_GAP' || gap.file === this.#folder.label(name));
    if (countEvents(bytes, judged) > 0) this.#keep(found, judged, own);
    else if (verification.status === 'OK' && damage === undefined) this.#leaveUnused(segmentIndex, judged);
    else if (decision !== 'tail' || bytesInUse(bytes) > 0) this.#moveAside(file, own);
    if (found.otherForm !== undefined) this.#moveAside(found.otherForm, []);
  }

  #keep(found: FoundSegment, judged: JudgedSegment, gaps: readonly Gap[]): void {
    const { file, bytes, damage } = found;
    const { segmentIndex } = file;
    const { verification, decision } = judged.verdict;
    this.before = new SegmentEnd(segmentIndex, bytes, judged);
    const sound = decision === 'keep' && damage === undefined;
    const missing = this.#lastIndex >= 0 && segmentIndex > this.#lastIndex + 1;
    if (decision === 'refuse' || damage !== undefined || missing) this.#closeBefore(segmentIndex);
    this.#lastIndex = segmentIndex;
    const version = verification.header?.version ?? this.#kept?.version ?? 2;
    const seed = this.#kept?.chainedChecksum;
    const chained = version === 1 || seed === undefined || isChainedTo(bytes, judged, seed);
    if (this.firstEventId === 0n) this.firstEventId = verification.firstEventId;
    this.events += countEvents(bytes, judged);
    const frame = this.#frameOf(file, verification, version, seed ?? 0n);
    if (!sound || !chained) {
      this.#replace(file, rewriteSegment(bytes, judged, frame), frame, gaps, damage);
      return;
    }
    this.#unchanged.push(file.name);
    this.after = this.before;
    this.#lookForDurable(segmentIndex, bytes);
    const { chainedChecksum } = verification;
    const open = isComplete(verification, bytes) ? undefined : { judged, frame };
    this.#kept = { file, version, closedNs: frame.closedNs, chainedChecksum, open };
  }

  /** Prepared and never used, or closed without an event. */
  #leaveUnused(segmentIndex: number, { verdict }: JudgedSegment): void {
    if (verdict.verification.state === 'sealed') this.#lastIndex = segmentIndex;
  }

  /** Behind a torn tail: what holds events cannot be reached any more. */
  #takeBeyond({ file, bytes, otherForm }: FoundSegment): void {
    const { status, events } = verifySegment(bytes, { segmentIndex: file.segmentIndex });
    if (status !== 'OK' || events > 0) this.#moveAside(file, []);
    if (otherForm !== undefined) this.#moveAside(otherForm, []);
  }

  /** Makes the segments before one a log that goes on: closed at its end, and none missing. */
  #closeBefore(segmentIndex: number): void {
    if (this.#kept?.open !== undefined) {
      const { file, open } = this.#kept;
      const bytes = readSegmentFile(this.#folder.at(file.name), file.compressed);
      this.#unchanged.splice(this.#unchanged.indexOf(file.name), 1);
      this.#replace(file, rewriteSegment(bytes, open.judged, open.frame), open.frame, [], undefined);
    }
    if (this.#lastIndex < 0) return;
    const missing = segmentIndex - this.#lastIndex - 1;
    if (missing > MAX_MISSING_SEGMENTS) {
      const message = `${missing} segments are missing before segment ${segmentIndex}: move those that are not of this log away`;
      throw new WalError('SEGMENT_GAP', message, { file: this.#folder.path });
    }
    for (let index = this.#lastIndex + 1; index < segmentIndex; index++) this.#addEmpty(index);
  }

  #lookForDurable(segmentIndex: number, bytes: Uint8Array): void {
    const { position } = this.#survey.durable;
    if (segmentIndex !== position.segmentIndex || position.offset > bytes.length) return;
    const at = (position.offset - EVENT_BYTES) / WORD_BYTES;
    this.#holdsDurable = at > 0 && idAt(asWords(bytes), at) === position.eventId;
  }

  #noteTail({ file, bytes }: FoundSegment, { verdict }: JudgedSegment): void {
    const { verification, endOffset, lastEventId, blocks } = verdict;
    const { status, at } = verification;
    if (status === 'OK') return;
    this.#extraGaps.push({
      file: this.#folder.label(file.name),
      reason: status,
      message: at?.message ?? '',
      offset: endOffset,
      endOffset: Math.max(endOffset, bytesInUse(bytes)),
      block: blocks,
      blocks: verdict.unreachableBlocks,
      afterEventId: lastEventId,
      beforeEventId: 0n,
    });
  }

  // Changing

  /** What a segment has besides its blocks. Whoever writes it anew, and when, it says the same. */
  #frameOf(
    { name, segmentIndex }: SegmentFile,
    { header }: SegmentVerification,
    version: FormatVersion,
    seed: bigint,
  ): SegmentFrame {
    const changedNs = fs.lstatSync(this.#folder.at(name), { bigint: true }).mtimeNs;
    const { createdNs = changedNs, closedNs = 0n } = header ?? {};
    return { version, segmentIndex, seed, createdNs, closedNs: closedNs || changedNs };
  }

  /** A file of which something is dropped is kept; one that only changes its chain is not. */
  #replace(
    file: SegmentFile,
    rewritten: RewrittenSegment,
    { version, closedNs }: SegmentFrame,
    gaps: readonly Gap[],
    damage: WalError | undefined,
  ): void {
    const { segmentIndex, name, compressed } = file;
    const { bytes, blocks, chainedChecksum } = rewritten;
    const parts: SoundParts = { runs: [{ block: 0, count: blocks }], unsealed: undefined };
    this.after = new SegmentEnd(segmentIndex, bytes, parts);
    this.#lookForDurable(segmentIndex, bytes);
    const keep = damage !== undefined || gaps.some(({ offset, endOffset }) => endOffset > offset);
    let keptAs: string | null = keep ? this.#folder.asideName(name) : null;
    // A damaged frame becomes a plain file; what only changes its chain stays compressed, as the disk may be full.
    const asPlain = compressed && damage !== undefined;
    const plain = segmentFileName(segmentIndex);
    const into: SegmentFile = asPlain ? { name: plain, segmentIndex, compressed: false } : file;
    if (this.#write) {
      const content = into.compressed ? compressSegment(bytes) : bytes;
      const kept = this.#folder.replace(into.name, content, keep && !asPlain);
      keptAs = asPlain ? this.#folder.moveAside(name) : kept;
    }
    this.#kept = { file: into, version, closedNs, chainedChecksum, open: undefined };
    this.#report(name, keep ? 'rewritten' : 'relinked', keptAs, gaps);
  }

  #addEmpty(segmentIndex: number): void {
    const name = segmentFileName(segmentIndex);
    const { version = 2, closedNs = 1n } = this.#kept ?? {};
    const frame = { version, segmentIndex, seed: 0n, createdNs: closedNs, closedNs };
    const { bytes } = rewriteSegment(new Uint8Array(0), { runs: [], unsealed: undefined }, frame);
    if (this.#write) this.#folder.replace(name, bytes, false);
    this.#report(name, 'added', null, []);
  }

  #moveAside({ name }: SegmentFile, gaps: readonly Gap[]): void {
    const keptAs = this.#write ? this.#folder.moveAside(name) : this.#folder.asideName(name);
    this.#report(name, 'moved aside', keptAs, gaps);
  }

  #report(name: string, change: RepairedFile['change'], keptAs: string | null, gaps: readonly Gap[]): void {
    this.files.push({
      file: this.#folder.label(name),
      change,
      keptAs: keptAs === null ? null : this.#folder.label(keptAs),
      droppedBytes: gaps.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0),
      droppedBlocks: gaps.reduce((sum, { blocks }) => sum + blocks, 0),
      gaps,
    });
  }
}

/** What verification says of a full segment that verifies by itself; undefined for any other. */
function verifyWhole({
  file,
  bytes,
  damage,
}: Omit<FoundSegment, 'otherForm'>): SegmentVerification | undefined {
  if (damage !== undefined) return undefined;
  const verification = verifySegment(bytes, { segmentIndex: file.segmentIndex });
  return verification.status === 'OK' && verification.state === 'sealed' ? verification : undefined;
}

/** Whether nothing can be missing at its end: it is closed, or full. */
function isComplete({ state, blocks, tailEvents }: SegmentVerification, bytes: Uint8Array): boolean {
  return state === 'sealed' || (tailEvents === 0 && blockOffset(blocks) === bytes.length);
}
