import { type FormatVersion, segmentBytes } from '@fswal/format';
import { lowestSegmentInUse } from '@fswal/format/files';
import { nsSince } from '@fswal/telemetry/clock';
import { type Control, Role, Stage } from './control.js';
import { encodeMaintenance, type MaintenanceOrder, type Rings, recordOf } from './handover.js';
import type { MaintenanceBoard } from './maintenance-board.js';
import { type KeptSegment, planRetention, type RetentionLimits, type RetentionState } from './retention.js';
import type { RetentionTelemetry } from './telemetry.js';

/** How often it looks for what changes without an order: ages, readers that have gone on, failures to try again. */
const LOOK_INTERVAL_MS = 1_000;
/** Segments that may go and are still there, at most: then no new file is made until some of them are gone. */
const MAX_BEHIND = 16;

type Entry = { -readonly [K in keyof KeptSegment]: KeptSegment[K] } & {
  readonly lastEventId: bigint;
  /** Not compressed again by this recorder. */
  incompressible: boolean;
  order: MaintenanceOrder | undefined;
  orderedMs: number;
};

/** What the keeper asks of the coordinator. */
export interface RetentionGate {
  /** Segments below this index hold nothing that must stay. */
  safeBelow(): number;
  /**
   * Before a segment is taken out of the log: moves the durable position out of it.
   * @returns false where that cannot be done now
   */
  release(segmentIndex: number, lastEventId: bigint): boolean;
  /** The `.wal` of a segment is gone. */
  forget(segmentIndex: number): void;
}

/**
 * Keeps a log within its limits: plans what goes, orders it from the maintainers, and hands freed files to the
 * preparer. Segments leave the log one by one, oldest first, each from the device before the next.
 */
export class RetentionKeeper {
  readonly #control: Control;
  readonly #rings: Pick<Rings, 'freeze' | 'free' | 'freed'>;
  readonly #board: MaintenanceBoard;
  readonly #limits: RetentionLimits;
  readonly #dir: string;
  readonly #recyclableBytes: number;
  readonly #gate: RetentionGate;
  readonly #entries: Entry[];
  readonly #record: Int32Array;
  readonly #freedRecord: Int32Array;
  readonly #limited: boolean;
  /** Compressing takes long: where there are several maintainers, one is left for what cannot wait. */
  readonly #maxFreezing: number;
  #lookAtMs = 0;
  #freeing: Entry | undefined;
  /** After a segment could not be taken out of the log: when to try again. */
  #freeAtMs = 0;
  /** Freed files that are ordered and not in the ring yet. */
  #freedOnTheWay = 0;
  readonly #telemetry: RetentionTelemetry;
  /** Full segments that are kept, by form. */
  #hot = 0;
  #cold = 0;

  constructor(
    control: Control,
    rings: Pick<Rings, 'freeze' | 'free' | 'freed'>,
    board: MaintenanceBoard,
    gate: RetentionGate,
    options: {
      dir: string;
      limits: RetentionLimits;
      blocksPerSegment: number;
      formatVersion: FormatVersion;
      maintainers: number;
    },
    kept: readonly KeptSegment[],
    lastEventId: bigint,
    telemetry: RetentionTelemetry,
  ) {
    this.#control = control;
    this.#rings = rings;
    this.#board = board;
    this.#gate = gate;
    this.#dir = options.dir;
    this.#limits = options.limits;
    this.#maxFreezing = Math.max(1, options.maintainers - 1);
    this.#limited = Object.values(options.limits).some(
      (limit) => limit !== Number.POSITIVE_INFINITY && limit !== 0,
    );
    // Readers of version 1 know nothing of older content behind the end.
    this.#recyclableBytes = options.formatVersion === 2 ? segmentBytes(options.blocksPerSegment) : -1;
    this.#entries = kept.map((segment) => ({
      ...segment,
      lastEventId,
      incompressible: false,
      order: undefined,
      orderedMs: 0,
    }));
    this.#telemetry = telemetry;
    telemetry.maxHot.set(options.limits.maxSegments);
    telemetry.maxCold.set(options.limits.maxCompressedSegments);
    const cold = kept.filter(({ compressed }) => compressed).length;
    this.#count(kept.length - cold, cold);
    this.#record = recordOf(rings.free);
    this.#freedRecord = recordOf(rings.freed);
  }

  /** A segment is full and persisted. */
  closed(segmentIndex: number, bytes: number, lastEventId: bigint): void {
    this.#count(1, 0);
    if (!this.#limited) return;
    const closedMs = nowMs();
    const order = undefined;
    this.#entries.push({
      segmentIndex,
      compressed: false,
      bytes,
      closedMs,
      lastEventId,
      incompressible: false,
      order,
      orderedMs: 0,
    });
    this.#lookAtMs = 0;
  }

  /** The durable position has moved to another segment. */
  look(): void {
    this.#lookAtMs = 0;
  }

  /** Whether there is nothing under way, and nothing to be done now. */
  get idle(): boolean {
    return this.#lookAtMs > 0 && this.#entries.every(({ order }) => order === undefined);
  }

  doWork(): number {
    if (!this.#limited) {
      this.#lookAtMs = 1;
      return 0;
    }
    let work = this.#collect();
    const now = performance.now();
    if (work === 0 && now < this.#lookAtMs) return 0;
    this.#lookAtMs = now + LOOK_INTERVAL_MS;
    work += this.#order();
    return work;
  }

  /** Takes what the maintainers have reported. */
  #collect(): number {
    let work = 0;
    for (const entry of this.#entries.filter(({ order }) => order !== undefined)) {
      const order = entry.order as MaintenanceOrder;
      const outcome = this.#board.collect(order.slot);
      if (outcome === undefined) continue;
      work++;
      this.#note(entry, outcome.done);
      entry.order = undefined;
      if (outcome.done && !order.compressed) this.#gate.forget(order.segmentIndex);
      if (order.recycle) {
        this.#freedOnTheWay--;
        if (outcome.done) this.#handFreed(order.segmentIndex);
      }
      if (entry === this.#freeing) {
        this.#freeing = undefined;
        if (outcome.done) this.#entries.splice(this.#entries.indexOf(entry), 1);
        else this.#freeAtMs = performance.now() + LOOK_INTERVAL_MS;
      } else if (outcome.done) {
        entry.compressed = true;
        entry.bytes = outcome.bytes;
      } else {
        entry.incompressible = true;
      }
    }
    return work;
  }

  #note(entry: Entry, done: boolean): void {
    if (!done) {
      this.#telemetry.retention.fail();
      return;
    }
    this.#telemetry.retention.record(nsSince(entry.orderedMs));
    if (entry !== this.#freeing) this.#count(-1, 1);
    else if (entry.compressed) this.#count(0, -1);
    else this.#count(-1, 0);
  }

  /** So many more are kept in each form. */
  #count(hot: number, cold: number): void {
    this.#hot += hot;
    this.#cold += cold;
    this.#telemetry.hot.set(this.#hot);
    this.#telemetry.cold.set(this.#cold);
  }

  #handFreed(segmentIndex: number): void {
    this.#freedRecord[0] = segmentIndex;
    if (!this.#rings.freed.push(this.#freedRecord))
      throw new Error('more files were freed than the ring holds');
    // From here on each segment that is filled is likely to free another one.
    this.#control.expectSpares(true);
    this.#control.wake(Role.preparer);
  }

  #order(): number {
    const start = performance.now();
    const steps = planRetention(this.#entries, this.#limits, this.#state());
    this.#telemetry.planning.record(nsSince(start));
    const isFailing = performance.now() < this.#freeAtMs;
    const mayGo = steps.filter(({ action, blockedBy }) => action === 'delete' && blockedBy === undefined);
    // What cannot be removed must not hold up the engine.
    this.#control.setRetentionBehind(mayGo.length > MAX_BEHIND && !isFailing);
    let work = 0;
    let deleting = this.#freeing === undefined && !isFailing;
    // To compress takes long: what is not begun when the recorder closes is left to the next one.
    let freezing = this.#control.stage === Stage.running ? this.#maxFreezing - this.#freezing() : 0;
    let at = 0;
    for (const { segmentIndex, action, blockedBy } of steps) {
      if (!deleting && freezing <= 0) break;
      // Both are in the order of the log.
      while (this.#entries[at]!.segmentIndex !== segmentIndex) at++;
      const entry = this.#entries[at]!;
      if (entry.order !== undefined || blockedBy !== undefined) {
        // Nothing newer goes before it.
        if (action === 'delete') deleting = false;
        if (blockedBy === undefined) continue;
        this.#control.expectSpares(false);
        break;
      }
      if (action === 'delete') {
        if (deleting && this.#free(entry)) work++;
        deleting = false;
      } else if (freezing > 0 && !entry.incompressible && this.#send(entry, this.#rings.freeze)) {
        work++;
        freezing--;
      }
    }
    return work;
  }

  /** How many are being compressed. */
  #freezing(): number {
    return this.#entries.filter((entry) => entry.order !== undefined && entry !== this.#freeing).length;
  }

  #state(): RetentionState {
    const { segmentIndex, offset } = this.#control.written;
    const newest = this.#entries.at(-1)?.segmentIndex ?? -1;
    return {
      nowMs: nowMs(),
      activeBytes: segmentIndex > newest && this.#control.written.eventId > 0n ? offset : undefined,
      safeBelow: this.#gate.safeBelow(),
      inUseFrom: lowestSegmentInUse(this.#dir),
    };
  }

  #free(entry: Entry): boolean {
    if (!this.#gate.release(entry.segmentIndex, entry.lastEventId)) return false;
    if (!this.#send(entry, this.#rings.free)) return false;
    this.#freeing = entry;
    return true;
  }

  #send(entry: Entry, ring: Rings['free']): boolean {
    const slot = this.#board.take();
    if (slot < 0) return false;
    const { segmentIndex, compressed, bytes } = entry;
    const wanted = this.#rings.freed.size + this.#freedOnTheWay < this.#rings.freed.capacity;
    const recycle =
      wanted && !compressed && bytes === this.#recyclableBytes && this.#control.stage === Stage.running;
    const order = { slot, segmentIndex, compressed, recycle };
    encodeMaintenance(order, this.#record);
    if (!ring.push(this.#record)) {
      this.#board.giveBack(slot);
      return false;
    }
    entry.order = order;
    entry.orderedMs = performance.now();
    if (recycle) this.#freedOnTheWay++;
    this.#control.wake(Role.maintainer);
    return true;
  }
}

/** Milliseconds since 1970 by a clock that nobody can set while the process runs. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
