import type { RequestEvent } from '@fswal/format';
import type { RecoverySnapshot } from '@fswal/recovery';
import { Venue } from '../engine/venue.js';
import type { EventSource } from '../log/replay.js';
import { replayLogIfAny } from '../log/replay-log.js';
import { Discrepancy } from './discrepancy.js';
import type { FlowWindow } from './flow-window.js';

/** What a log was found to hold. */
export interface JudgedLog {
  /** Events that were not in it when it was judged before. */
  readonly recovered: number;
  /** Events that it holds: those of older ones retention has taken. */
  readonly kept: number;
  /** Bytes of segment files that recovery has verified. */
  readonly bytes: number;
  /** What recovery has measured; undefined where there is no log. */
  readonly telemetry: RecoverySnapshot | undefined;
}

/**
 * Judges one log again and again as it grows, in time and memory that do not depend on its age: each time recovery
 * verifies every byte that is left of it, and every event is held against the flow.
 *
 * Two engines go on from one time to the next. One takes the flow's requests, the other one those that the log has; of
 * what retention took before it was ever seen here, the flow's. So both must be in the same state.
 */
export class LogJudge {
  readonly #dir: string;
  readonly #window: FlowWindow;
  readonly #segmentsKept: number;
  readonly #fromFlow = new Venue();
  readonly #fromLog = new Venue();
  #recovered = 0;
  #firstKept = 1;

  /** @param window holds every request since the last judgement; @param segmentsKept least number that retention leaves */
  constructor(dir: string, window: FlowWindow, segmentsKept: number) {
    this.#dir = dir;
    this.#window = window;
    this.#segmentsKept = segmentsKept;
  }

  /** Id of the last event that a recovery has delivered. */
  get recovered(): number {
    return this.#recovered;
  }

  /** Resting orders of the engine that takes what the log has. */
  get restingOrders(): number {
    return this.#fromLog.restingOrders;
  }

  /**
   * @param due id of the last event whose append has returned; one more may be there, which nobody was told of
   * @param onProgress called every few milliseconds, with the events so far
   * @throws Discrepancy; WalError where the log cannot be read
   */
  async judge(due: number, onProgress?: (events: number) => void): Promise<JudgedLog> {
    const kept = new KeptEvents(this.#window, this.#recovered, this.#fromLog);
    const replayed = await replayLogIfAny(this.#dir, kept, onProgress);
    if (replayed?.damage !== undefined) {
      const { message, eventId } = replayed.damage;
      throw new Discrepancy('damage', message, eventId === undefined ? {} : { eventId });
    }
    if (kept.difference !== undefined) throw kept.difference;
    const last = kept.lastEventId;
    if (last < due) {
      const message = `the log ends with event ${last}, and the append of event ${due} had returned`;
      throw new Discrepancy('lost', message, {
        eventId: last + 1,
        expected: String(due),
        found: String(last),
      });
    }
    if (last > due + 1) {
      const message = `the log ends with event ${last}, and the last append was that of event ${due}`;
      throw new Discrepancy('invented', message, {
        eventId: due + 1,
        expected: String(due),
        found: String(last),
      });
    }
    this.#checkRetention(kept, replayed?.report.segments ?? 0);
    this.#compareStates(last);
    const recovered = last - this.#recovered;
    this.#recovered = last;
    return {
      recovered,
      kept: kept.events,
      bytes: replayed?.report.bytes ?? 0,
      telemetry: replayed?.telemetry,
    };
  }

  /** What it takes from the log goes from the oldest segment on, and leaves as many as it was told to. */
  #checkRetention({ firstEventId, events }: KeptEvents, segments: number): void {
    if (events === 0) return;
    const isShorter = firstEventId > this.#firstKept;
    if (firstEventId < this.#firstKept || (isShorter && segments < this.#segmentsKept)) {
      const message = `the log begins with event ${firstEventId} in ${segments} segments, and began with event ${this.#firstKept}`;
      throw new Discrepancy('retention', message, { eventId: this.#firstKept });
    }
    this.#firstKept = firstEventId;
  }

  #compareStates(last: number): void {
    for (let id = this.#recovered + 1; id <= last; id++) this.#fromFlow.apply(this.#window.eventAt(id));
    const expected = this.#fromFlow.stateHash();
    const found = this.#fromLog.stateHash();
    if (found === expected) return;
    const message = `state ${found} after event ${last}, not ${expected}`;
    throw new Discrepancy('state', message, { eventId: last, expected, found });
  }
}

/** The events of one recovery, from the oldest that is kept: none left out, each one the flow's. */
class KeptEvents {
  readonly #window: FlowWindow;
  readonly #venue: Venue;
  /** Last event that the engine has taken. */
  #applied: number;
  #first = 0;
  #last = 0;
  #difference: Discrepancy | undefined;

  constructor(window: FlowWindow, applied: number, venue: Venue) {
    this.#window = window;
    this.#applied = applied;
    this.#venue = venue;
  }

  /** 0 = none. */
  get firstEventId(): number {
    return this.#first;
  }
  /** 0 = none. */
  get lastEventId(): number {
    return this.#last;
  }
  get events(): number {
    return this.#first === 0 ? 0 : this.#last - this.#first + 1;
  }
  /** The first one. */
  get difference(): Discrepancy | undefined {
    return this.#difference;
  }

  /** Takes up to `limit` events, fewer at the log's end or at a difference; returns how many. */
  take(source: EventSource, limit: number): number {
    let taken = 0;
    while (taken < limit && this.#difference === undefined && source.next()) {
      this.#takeEvent(source.event);
      taken++;
    }
    return taken;
  }

  #takeEvent(event: RequestEvent): void {
    const eventId = Number(event.eventIdBig);
    if (this.#first === 0) this.#begin(eventId);
    else if (eventId !== this.#last + 1) this.#differ(eventId, `event ${eventId} after event ${this.#last}`);
    this.#last = eventId;
    this.#compare(eventId, event);
    if (eventId <= this.#applied || this.#difference !== undefined) return;
    this.#venue.apply(event);
    this.#applied = eventId;
  }

  #compare(eventId: number, event: RequestEvent): void {
    const window = this.#window;
    if (eventId > window.count)
      this.#differ(eventId, `event ${eventId} is not the flow's, which has come to ${window.count}`);
    else if (eventId >= window.oldest && !window.holds(eventId, event.words, event.base)) {
      const expected = hex(window.eventAt(eventId));
      this.#differ(eventId, `event ${eventId} is not the flow's`, { expected, found: hex(event) });
    }
  }

  #begin(eventId: number): void {
    this.#first = eventId;
    const end = Math.min(eventId - 1, this.#window.count);
    for (let id = this.#applied + 1; id <= end; id++) this.#venue.apply(this.#window.eventAt(id));
    this.#applied = Math.max(this.#applied, end);
  }

  #differ(eventId: number, message: string, bytes: { expected?: string; found?: string } = {}): void {
    this.#difference ??= new Discrepancy('event', message, { eventId, ...bytes });
  }
}

function hex({ bytes }: RequestEvent): string {
  return Buffer.from(bytes).toString('hex');
}
