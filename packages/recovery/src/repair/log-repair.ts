import {
  asWords,
  BLOCK_BYTES,
  blockOffset,
  bytesInUse,
  type DurablePosition,
  EVENT_BYTES,
  type FormatVersion,
  idAt,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentVerdict,
  type SegmentVerification,
  segmentFileName,
  verifySegment,
  WalError,
  WORD_BYTES,
} from '@fswal/format';
import { compressSegment, type LogSurvey, readSegmentFile } from '@fswal/format/files';
import { DiagnosticScan, type JudgedSegment } from '../diagnostic-scan.js';
import type { Gap } from '../recovery-report.js';
import type { SoundParts } from '../segment-salvage.js';
import { type FoundSegment, findSegment } from './find-segment.js';
import type { LogFolder } from './log-folder.js';
import type { RepairedFile } from './repair-report.js';
import { RepairRoom } from './repair-room.js';
import {
  countEvents,
  firstEventOf,
  isChainedTo,
  type RewrittenSegment,
  rewriteSegment,
  type SegmentFrame,
} from './rewrite-segment.js';
import { SegmentEnd } from './segment-end.js';

/** More segments missing in a row than this is not damage of a log, but a name that is none of its. */
const MAX_MISSING_SEGMENTS = 10_000;

interface JudgedWithGaps extends JudgedSegment {
  /** What the segment was chained to, as far as anybody knows. */
  readonly chainedChecksum: bigint | undefined;
  /** What is wrong with it. */
  readonly gaps: readonly Gap[];
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
 * What a walk writes.
 * - `nothing`: it tells what is to be done.
 * - `cut`: it cuts a torn tail, and leaves damage before it.
 * - `all`
 */
export type RepairStep = 'nothing' | 'cut' | 'all';

/**
 * One walk over a log that repairs it, or only tells what there is to do. It decides by what lies in the directory alone,
 * never by what an earlier walk has done, so that a walk that was killed and the next one together do what one does.
 *
 * The segments are taken in order, one at a time. Of a damaged one is kept what verifies; those behind it are chained to
 * what comes before them now.
 */
export class LogRepair {
  /** The end of the segments as they are now, and as they will be. Undefined where nothing is left. */
  now: SegmentEnd | undefined;
  after: SegmentEnd | undefined;
  events = 0;
  firstEventId = 0n;
  readonly files: RepairedFile[] = [];
  readonly room = new RepairRoom();

  readonly #folder: LogFolder;
  readonly #survey: LogSurvey;
  readonly #step: RepairStep;
  readonly #scan: DiagnosticScan;
  readonly #tailGaps: Gap[] = [];
  /** Made ahead and never used. */
  readonly #prepared: SegmentFile[] = [];
  #kept: KeptSegment | undefined;
  /** The last segment that stays in the directory; -1 = none. */
  #lastIndex = -1;
  /** Whether the last durable event lies where the metadata file says. */
  #holdsDurable = false;
  /** Whether the torn tail is reached. */
  #ended = false;
  #mends = false;

  constructor(folder: LogFolder, survey: LogSurvey, step: RepairStep) {
    this.#folder = folder;
    this.#survey = survey;
    this.#step = step;
    this.#scan = new DiagnosticScan(survey.durable.position);
    if (survey.missing !== undefined) this.#scan.note(folder.named(survey.missing) as WalError);
  }

  get gaps(): readonly Gap[] {
    return [...this.#scan.gaps, ...this.#tailGaps];
  }

  /** Whether there is a torn tail to cut. */
  get cuts(): boolean {
    return this.#ended;
  }

  /** Whether files before the torn tail have to be changed. */
  get mends(): boolean {
    return this.#mends;
  }

  /** Whether there is anything to do. */
  get needed(): boolean {
    return this.files.length > 0 || this.gaps.length > 0;
  }

  /** Whether the durable position is right for the segments as they will be. */
  get durableFits(): boolean {
    const { durable, missing } = this.#survey;
    const { offset, eventId } = durable.position;
    const reached = (this.after?.lastEventId ?? 0n) >= eventId;
    return missing === undefined && reached && (offset <= SEGMENT_HEADER_BYTES || this.#holdsDurable);
  }

  /**
   * The durable position that is.
   * @param ringAfter where nothing is left of the segments: the event after which a tail ring holds all
   */
  endPosition(ringAfter: bigint | undefined): DurablePosition {
    return this.after?.position ?? this.#emptyPosition(ringAfter);
  }

  /**
   * @param onSegment called behind each segment
   * @throws WalError READ_FAILED, OPEN_FAILED, SEGMENT_GAP: a walk that writes nothing finds these first; DISK_FULL,
   * WRITE_FAILED, FSYNC_FAILED: what was done so far stands, and another repair goes on
   */
  run(onSegment: () => void): void {
    const segments = this.#survey.files;
    for (let i = 0; i < segments.length && !this.#ended; i++) {
      const found = this.#find(segments[i]);
      const judged = this.#judge(found);
      if (this.#ended) {
        const stays = countEvents(found.bytes, judged) > 0 || bytesInUse(found.bytes) === 0;
        this.#takeBeyond(segments.slice(i + 1), stays, onSegment);
      }
      this.#take(found, judged);
      onSegment();
    }
    this.#takePrepared();
    this.#scan.finish();
  }

  /** Of a log without an event: later ones are above all that were durable once, or are those of the ring. */
  #emptyPosition(ringAfter: bigint | undefined): DurablePosition {
    const { segmentIndex } = this.#survey.durable.position;
    const eventId = ringAfter ?? this.#survey.durable.position.eventId;
    const offset = eventId === 0n ? SEGMENT_HEADER_BYTES : 0;
    return { segmentIndex: segmentIndex + 1, offset, eventId, prefixChecksum: 0n };
  }

  // Deciding

  #find(file: SegmentFile): FoundSegment {
    return findSegment(this.#folder, file, this.#survey.otherForms.get(file.segmentIndex));
  }

  #judge({ file, bytes, damage }: FoundSegment): JudgedWithGaps {
    const label = this.#folder.label(file.name);
    const known = this.#scan.gaps.length;
    const chainedChecksum = this.#scan.chainedChecksum;
    if (damage !== undefined) this.#scan.note(damage);
    const judged = this.#scan.judge(file.segmentIndex, bytes, label);
    // A missing segment's gap is that of another file.
    const gaps = this.#scan.gaps.slice(known).filter((gap) => gap.file === label);
    if (judged.verdict.decision === 'tail') {
      this.#ended = true;
      this.#noteTail(label, bytes, judged.verdict);
    }
    return { ...judged, chainedChecksum, gaps: [...gaps, ...this.#tailGaps] };
  }

  #take(found: FoundSegment, judged: JudgedWithGaps): void {
    const { file, bytes, damage, otherForm, formsAgree } = found;
    const { decision, verification } = judged.verdict;
    const changes = this.files.length;
    const isEmpty = verification.status === 'OK' && verification.events === 0 && damage === undefined;
    if (countEvents(bytes, judged) > 0) this.#keep(found, judged);
    else if (isEmpty) {
      // Closed without an event, it is part of the log; else it was made ahead and never used.
      if (verification.state === 'sealed') this.#lastIndex = file.segmentIndex;
      else this.#prepared.push(file);
    } else if (decision !== 'tail' || bytesInUse(bytes) > 0) this.#moveAside(file, judged.gaps);
    const changed = this.files.length > changes;
    if (otherForm !== undefined && (!formsAgree || changed)) this.#moveAside(otherForm, []);
  }

  #keep({ file, bytes, damage }: FoundSegment, judged: JudgedWithGaps): void {
    const { segmentIndex } = file;
    const { verification, decision } = judged.verdict;
    this.now = new SegmentEnd(segmentIndex, bytes, judged);
    if (this.firstEventId === 0n) this.firstEventId = firstEventOf(bytes, judged);
    this.events += countEvents(bytes, judged);
    const missing = this.#lastIndex >= 0 && segmentIndex > this.#lastIndex + 1;
    const isDamaged = decision === 'refuse' || damage !== undefined;
    if ((isDamaged || missing) && this.#step !== 'cut') {
      const changes = this.files.length;
      this.#closeBefore(segmentIndex);
      // Of the torn one this is not part of the cut.
      if (this.files.length > changes) this.#mends = true;
    }
    this.#lastIndex = segmentIndex;
    // While only the tail is cut, what comes before is as it was.
    const seed = this.#step === 'cut' ? judged.chainedChecksum : this.#kept?.chainedChecksum;
    const version = verification.header?.version ?? this.#kept?.version ?? 2;
    const frame = this.#frameOf(file, verification, version, seed ?? 0n);
    const asItIs =
      decision === 'keep' && damage === undefined
        ? version === 1 || seed === undefined || isChainedTo(bytes, judged, seed)
        : decision === 'refuse' && damage === undefined && this.#isWholeBehind(segmentIndex, bytes, seed);
    // Nobody can write on in a compressed segment: it is a closed one.
    if (!asItIs || (file.compressed && verification.state !== 'sealed')) {
      this.#replace(file, rewriteSegment(bytes, judged, frame), frame, judged.gaps, damage);
      if (this.#writes) this.now = this.after;
      return;
    }
    this.after = this.now;
    this.#lookForDurable(segmentIndex, bytes);
    const open = isComplete(verification, bytes) ? undefined : { judged, frame };
    // An unsealed block has none yet: the chain goes on from the one before.
    const { chainedChecksum } = judged.unsealed === undefined ? this.after : verification;
    this.#kept = { file, version, closedNs: frame.closedNs, chainedChecksum, open };
  }

  /** Whether a segment that was refused needs nothing but what comes before it, or another durable position. */
  #isWholeBehind(segmentIndex: number, bytes: Uint8Array, chainedChecksum: bigint | undefined): boolean {
    const lastEventId = this.after?.lastEventId ?? 0n;
    const verification = verifySegment(bytes, {
      segmentIndex,
      previous: { lastEventId, chainedChecksum, complete: true },
    });
    return verification.status === 'OK' && isComplete(verification, bytes);
  }

  /**
   * Behind a torn tail: what holds events cannot be reached any more. What was made ahead stays where it follows without a
   * gap. The newest goes first, and then the torn one is cut: being killed in between leaves no gap.
   *
   * @param stays whether the torn one is not moved aside itself
   */
  #takeBeyond(beyond: readonly SegmentFile[], stays: boolean, onSegment: () => void): void {
    const used = stays ? beyond.findIndex((file) => !isUnused(this.#find(file))) : 0;
    for (const file of used < 0 ? [] : beyond.slice(used).reverse()) {
      const { file: taken, otherForm } = this.#find(file);
      this.#moveAside(taken, []);
      if (otherForm !== undefined) this.#moveAside(otherForm, []);
      onSegment();
    }
  }

  /** Files that were made ahead are of use only where they follow the log without a gap. */
  #takePrepared(): void {
    let next = this.#lastIndex + 1;
    const behind = this.#prepared.filter(({ segmentIndex }) => segmentIndex >= next);
    for (const file of behind.sort((a, b) => a.segmentIndex - b.segmentIndex)) {
      if (this.#lastIndex >= 0 && file.segmentIndex > next) this.#moveAside(file, []);
      next = file.segmentIndex > next ? next : next + 1;
    }
  }

  /** Makes the segments before one a log that goes on: closed at its end, and none missing. */
  #closeBefore(segmentIndex: number): void {
    if (this.#kept?.open !== undefined) {
      const { file, open } = this.#kept;
      const bytes = readSegmentFile(this.#folder.at(file.name), file.compressed);
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

  #noteTail(file: string, bytes: Uint8Array, verdict: SegmentVerdict): void {
    const { error, endOffset: offset, lastEventId, blocks: block } = verdict;
    const endOffset = Math.max(offset, bytesInUse(bytes));
    const inUse = Math.ceil((endOffset - SEGMENT_HEADER_BYTES) / BLOCK_BYTES);
    this.#tailGaps.push({
      file,
      reason: error?.code ?? 'SEGMENT_CORRUPTED',
      message: error?.reason ?? '',
      offset,
      endOffset,
      block,
      blocks: Math.max(0, inUse - block),
      afterEventId: lastEventId,
      beforeEventId: 0n,
    });
  }

  // Changing

  get #writes(): boolean {
    return this.#step === 'all' || (this.#step === 'cut' && this.#ended);
  }

  /** What a segment has besides its blocks. Whoever writes it anew, and when, it says the same. */
  #frameOf(
    { name, segmentIndex }: SegmentFile,
    { header }: SegmentVerification,
    version: FormatVersion,
    seed: bigint,
  ): SegmentFrame {
    const changedNs = this.#folder.stat(name).mtimeNs;
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
    const keep = damage !== undefined || gaps.some((gap) => !isOfLink(gap));
    let keptAs: string | null = keep ? this.#folder.asideName(name) : null;
    // A damaged frame becomes a plain file; what only changes its chain stays compressed, as the disk may be full.
    const asPlain = compressed && damage !== undefined;
    const plain = segmentFileName(segmentIndex);
    const into: SegmentFile = asPlain ? { name: plain, segmentIndex, compressed: false } : file;
    // Compressed it is known when it is done; it was about as large before.
    const written = into.compressed ? Number(this.#folder.stat(name).size) : bytes.length;
    if (keep) this.room.keep(written);
    // The torn one is cut first, and chained anew after that.
    if (!keep || (this.#ended && this.#mends)) this.room.pass(written);
    if (this.#writes) {
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
    this.room.keep(bytes.length);
    if (this.#writes) this.#folder.replace(name, bytes, false);
    this.#report(name, 'added', null, []);
  }

  #moveAside({ name }: SegmentFile, gaps: readonly Gap[]): void {
    const keptAs = this.#writes ? this.#folder.moveAside(name) : this.#folder.asideName(name);
    this.#report(name, 'moved aside', keptAs, gaps);
  }

  #report(name: string, change: RepairedFile['change'], keptAs: string | null, gaps: readonly Gap[]): void {
    if (!this.#ended) this.#mends = true;
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

/** Whether a file was made ahead, and nothing but that is known of the segment. */
function isUnused({ file, bytes, damage, otherForm }: FoundSegment): boolean {
  const { status, state, events } = verifySegment(bytes, { segmentIndex: file.segmentIndex });
  return (
    damage === undefined && otherForm === undefined && status === 'OK' && state === 'prepared' && events === 0
  );
}

/** Whether all that is wrong is the link to the segment before, which a repair of that one breaks too. */
function isOfLink({ reason, block, offset, endOffset }: Gap): boolean {
  return reason === 'CHAINED_CHECKSUM_MISMATCH' && block === 0 && endOffset === offset;
}

/** Whether nothing can be missing at its end: it is closed, or full. */
function isComplete({ state, blocks, tailEvents }: SegmentVerification, bytes: Uint8Array): boolean {
  return state === 'sealed' || (tailEvents === 0 && blockOffset(blocks) === bytes.length);
}
