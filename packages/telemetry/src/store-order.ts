/**
 * Whether the processor lets others see plain stores in the order in which they were made. Where it does, a plain
 * store publishes what was stored before it; elsewhere that takes Atomics, which cost several times the record itself.
 */
export const STORES_IN_ORDER = process.arch === 'x64' || process.arch === 'ia32';
