/** @satisfies {import('../../src/index.js').MetricLayout} */
export const layout = /** @type {const} */ ({
  events: 'counter',
  level: 'gauge',
  sync: 'duration',
  write: 'operation',
  loop: 'lifecycle',
  append: 'histogram',
});
/** What the writer sets the gauge to, in turn: halves of one make neither. */
export const LEVELS = [1.1111111111111112, -4503599627370495.5];
/** What the writer adds to the counter: both halves of the double change. Exact for 2^32 times. */
export const STEP = 2 ** 20 + 1;
