export { INSTRUMENT, instrumentOf, MAX_INSTRUMENTS } from './engine/instrument.js';
export { MAX_QUANTITY, MatchingEngine, type Trade } from './engine/matching-engine.js';
export { OrderBook, type RestingOrder } from './engine/order-book.js';
export { Outcome } from './engine/outcome.js';
export { MAX_PRICE, NO_PRICE } from './engine/price-bitmap.js';
export { StateHash } from './engine/state-hash.js';
export { Venue } from './engine/venue.js';
export type { Flow } from './flow/flow.js';
export {
  type ArrivalsProfile,
  DEFAULT_PROFILE,
  type FlowProfile,
  type InstrumentsProfile,
  type MixProfile,
  type PricesProfile,
  readFlowProfile,
  type SizesProfile,
} from './flow/flow-profile.js';
export { OrderFlow } from './flow/order-flow.js';
export { FlowProfileError } from './flow/profile-rules.js';
export { Xoshiro128 } from './flow/xoshiro128.js';
