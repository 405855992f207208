export { RingError, RingErrorCode } from './errors.js';
export type { RingOptions } from './layout.js';
export { SpmcRing } from './spmc-ring.js';
export { SpscRing } from './spsc-ring.js';
