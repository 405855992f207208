const TWO_32 = 4_294_967_296;

/** A clock of 64 bits of nanoseconds, in two halves as an event has them, that only goes on when told to. */
export class FlowClock {
  readonly #openingLow: number;
  readonly #openingHigh: number;
  /** The lower and the upper 32 bits, as int32. */
  low: number;
  high: number;
  /** Of a nanosecond: what is left over, so that rates hold that are no whole number of nanoseconds. */
  #fraction = 0;

  /** @param openingNs nanoseconds since 1970 */
  constructor(openingNs: bigint) {
    this.#openingLow = this.low = Number(BigInt.asIntN(32, openingNs));
    this.#openingHigh = this.high = Number(BigInt.asIntN(32, openingNs >> 32n));
  }

  /** Nanoseconds since the opening, exact for a hundred days. */
  get elapsedNs(): number {
    return (this.high - this.#openingHigh) * TWO_32 + (this.low >>> 0) - (this.#openingLow >>> 0);
  }

  /** @param ns not negative, fractions too */
  advance(ns: number): void {
    const exact = ns + this.#fraction;
    const whole = Math.floor(exact);
    this.#fraction = exact - whole;
    const low = (this.low >>> 0) + whole;
    this.low = low | 0;
    if (low >= TWO_32) this.high += Math.floor(low / TWO_32);
  }
}
