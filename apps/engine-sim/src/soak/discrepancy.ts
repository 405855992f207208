/** What does not agree. */
export type DiscrepancyKind =
  /** Recovery says that the log is damaged. */
  | 'damage'
  /** Events whose append had returned are missing. */
  | 'lost'
  /** There are more events than were appended. */
  | 'invented'
  /** An event is not the flow's, or not in its place. */
  | 'event'
  /** The engine that took the log's events is not in the state of the one that took the flow's. */
  | 'state'
  /** Retention has left less of the log than its limits say. */
  | 'retention'
  /** The recording process ended by itself, hung, or went on elsewhere than where recovery ended. */
  | 'recorder'
  /** The follower ended by itself, hung, or has not seen each event once and in order. */
  | 'follower';

export interface DiscrepancyPlace {
  /** The event concerned, or the first one of those. */
  readonly eventId?: number | bigint;
  readonly expected?: string;
  readonly found?: string;
}

/** Something that must not be: it ends a soak, whose log is then evidence. */
export class Discrepancy extends Error {
  override readonly name = 'Discrepancy';
  readonly kind: DiscrepancyKind;
  readonly place: DiscrepancyPlace;

  constructor(kind: DiscrepancyKind, message: string, place: DiscrepancyPlace = {}) {
    super(message);
    this.kind = kind;
    this.place = place;
  }
}
