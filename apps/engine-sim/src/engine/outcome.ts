/** What `apply` of an engine or a venue did with a request: it was carried out, or why it was refused. */
export const Outcome = {
  Accepted: 0,
  /** Request type, order type or side is none that exists, or a new order has the id 0. */
  BadRequest: 1,
  BadPrice: 2,
  BadQuantity: 3,
  /** A new order with the id of a resting one. */
  DuplicateOrder: 4,
  /** No such order rests: filled, cancelled, or never there. */
  UnknownOrder: 5,
  /** The order is another user's. */
  NotOwner: 6,
  /** No venue has an instrument of this number. */
  UnknownInstrument: 7,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Number of different outcomes that an engine can have: only a venue knows of instruments. */
export const OUTCOMES = 7;
