/**
 * A number as the value of the labels `le` and `quantile`, in the form that OpenMetrics asks for, so that one number
 * is one series whoever wrote it: 1.0, 0.0001, 5e-05, 1e+06, +Inf.
 */
export function canonicalNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value >= 1e-4 && value < 1e6) return Number.isInteger(value) ? `${value}.0` : `${value}`;
  if (value === 0) return '0.0';
  return value.toExponential().replace(/([+-])(\d)$/, '$10$2');
}
