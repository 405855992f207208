/** `12,345` */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

const SI = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** `12.3 M`, three digits; small numbers as they are. */
export function formatShort(value: number): string {
  for (const [size, letter] of SI) {
    if (Math.abs(value) >= size) return `${threeDigits(value / size)} ${letter}`;
  }
  return Number.isInteger(value) ? String(value) : threeDigits(value);
}

const DURATIONS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
] as const;

/** A duration in the unit that suits it, three digits. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '-';
  if (ns === 0) return '0';
  for (const [size, unit] of DURATIONS) {
    if (ns >= size) return `${threeDigits(ns / size)} ${unit}`;
  }
  return `${threeDigits(ns)} ns`;
}

/** `4.5 s`, `3:05`, `2:03:05` */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${threeDigits(seconds)} s`;
  const whole = Math.floor(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `99.9 %` of 1000: how many of 100 do not exceed what one in `nines` does. */
export function formatNines(nines: number): string {
  if (nines <= 1) return '0 %';
  const digits = Math.max(0, Math.round(Math.log10(nines)) - 2);
  return `${(100 - 100 / nines).toFixed(digits)} %`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\.0+$/, '');
}
