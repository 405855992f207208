/*
 * Acklam's rational approximation of the inverse of the normal distribution function; relative error below 1.2e-9. Made
 * of arithmetic, log and sqrt alone.
 */
const CENTRAL_NUMERATOR = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
  2.506628277459239,
];
const CENTRAL_DENOMINATOR = [
  -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
];
const TAIL_NUMERATOR = [
  -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_DENOMINATOR = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
const TAIL = 0.02425;

/** The value that a standard normal variable stays below with probability `part`, which is neither 0 nor 1. */
export function normalQuantile(part: number): number {
  if (part > 0.5) return -normalQuantile(1 - part);
  if (part < TAIL) {
    const q = Math.sqrt(-2 * Math.log(part));
    return polynomial(TAIL_NUMERATOR, q) / polynomial(TAIL_DENOMINATOR, q);
  }
  const q = part - 0.5;
  return (q * polynomial(CENTRAL_NUMERATOR, q * q)) / polynomial(CENTRAL_DENOMINATOR, q * q);
}

/** @param coefficients of the highest power first */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
