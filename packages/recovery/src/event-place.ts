/** Where an event lies in a log. */
export interface EventPlace {
  readonly segmentIndex: number;
  readonly block: number;
  /** Byte in the (unpacked) segment file. */
  readonly offset: number;
}
