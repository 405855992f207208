const TWO_32 = 4_294_967_296;

/** A clock of 64 bits of nanoseconds, in two halves as an event has them, that only goes on when told to. */
export class FlowClock {
  readonly #openingLow: number;
  readonly #openingHigh: number;
  /** The lower and the upper 32 bits, as int32. */
  low: number;
  high: number;
  /**
   * Nanoseconds to go on by, not negative, fractions too. In an array, since a field that holds a fraction may be
   * allocated anew with each store.
   */
  readonly ahead = new Float64Array(1);

  /** @param openingNs nanoseconds since 1970 */
  constructor(openingNs: bigint) {
    this.#openingLow = this.low = Number(BigInt.asIntN(32, openingNs));
    this.#openingHigh = this.high = Number(BigInt.asIntN(32, openingNs >> 32n));
  }

  /** Nanoseconds since the opening, exact for a hundred days. */
  get elapsedNs(): number {
    return (this.high - this.#openingHigh) * TWO_32 + (this.low >>> 0) - (this.#openingLow >>> 0);
  }

  /** Goes on by the whole part of `ahead` and leaves the rest there: so a rate holds, whatever it is. */
  advance(): void {
    const whole = Math.floor(this.ahead[0]);
    this.ahead[0] -= whole;
    const low = (this.low >>> 0) + whole;
    this.low = low | 0;
    if (low >= TWO_32) this.high += Math.floor(low / TWO_32);
  }
}
