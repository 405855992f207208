/*
 * A parser of OpenMetrics 1.0 text that takes nothing that the specification forbids to exposers, as far as it speaks of
 * counters, gauges, summaries and histograms without timestamps and exemplars.
 */

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  type?: string;
  unit?: string;
  help?: string;
  readonly samples: ParsedSample[];
}

const METRIC_NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const ESCAPED = String.raw`(?:[^\n"\\]|\\[n"\\])*`;
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="${ESCAPED}"`;
const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\d*\.\d+(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|[nN]a[nN])`;
const DESCRIPTOR = new RegExp(`^# (TYPE|UNIT|HELP) (${METRIC_NAME}) (.*)$`, 's');
const SAMPLE = new RegExp(`^(${METRIC_NAME})(?:\\{((?:${LABEL}(?:,${LABEL})*)?)\\})? (${NUMBER})$`);
const CANONICAL = /^(?:\+Inf|\d+\.\d+|\d(?:\.\d+)?e[+-]\d{2,})$/;

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  summary: ['_count', '_sum', '_created', ''],
  histogram: ['_count', '_sum', '_bucket', '_created'],
};

function refuse(why: string): never {
  throw new Error(`not OpenMetrics: ${why}`);
}

/** @throws Error that says what is wrong */
export function parseOpenMetrics(text: string): ParsedFamily[] {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== '# EOF') refuse('it does not end with # EOF and a line feed');
  const families: ParsedFamily[] = [];
  for (const line of lines) {
    if (line.startsWith('#')) takeDescriptor(line, families);
    else takeSample(line, families);
  }
  for (const family of families) checkFamily(family);
  checkNames(families);
  return families;
}

function takeDescriptor(line: string, families: ParsedFamily[]): void {
  const [, what, name, value] = DESCRIPTOR.exec(line) ?? refuse(`line ${line}`);
  let family = families.at(-1);
  if (family?.name !== name) {
    if (families.some((earlier) => earlier.name === name)) refuse(`${name} is interleaved`);
    family = { name: name!, samples: [] };
    families.push(family);
  }
  if (family.samples.length > 0) refuse(`metadata of ${name} behind its samples`);
  const key = what!.toLowerCase() as 'type' | 'unit' | 'help';
  if (family[key] !== undefined) refuse(`two lines of ${what} for ${name}`);
  if (key === 'type' && !Object.hasOwn(SUFFIXES, value!)) refuse(`type ${value}`);
  if (key === 'unit' && !name!.endsWith(`_${value}`)) refuse(`${name} does not end with its unit ${value}`);
  if (key === 'help' && !new RegExp(`^${ESCAPED}$`).test(value!)) refuse(`help ${value}`);
  family[key] = key === 'help' ? unescaped(value!) : value!;
}

function takeSample(line: string, families: ParsedFamily[]): void {
  const [, name, labelText, number] = SAMPLE.exec(line) ?? refuse(`line ${line}`);
  const family = families.at(-1) ?? refuse(`${name} without a type`);
  const labels: Record<string, string> = {};
  for (const [, label, value] of (labelText ?? '').matchAll(new RegExp(`([^=,]+)="(${ESCAPED})"`, 'g'))) {
    if (label!.startsWith('_')) refuse(`the label ${label} is reserved`);
    if (Object.hasOwn(labels, label!)) refuse(`two labels ${label}`);
    labels[label!] = unescaped(value!);
  }
  family.samples.push({ name: name!, labels, value: numberOf(number!) });
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char));
}

function numberOf(text: string): number {
  const infinite = /^([+-]?)inf/i.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return Number(text);
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  if (type === undefined) refuse(`${name} without a type`);
  if (name.startsWith('_') || name.includes(':')) refuse(`the name ${name} is reserved`);
  const metrics = new Map<string, ParsedSample[]>();
  let last = '';
  for (const sample of samples) {
    const suffix = sample.name.startsWith(name) ? sample.name.slice(name.length) : undefined;
    if (suffix === undefined || !SUFFIXES[type]!.includes(suffix))
      refuse(`${sample.name} in ${type} ${name}`);
    const { le, quantile, ...own } = sample.labels;
    if ((le !== undefined) !== (suffix === '_bucket')) refuse(`le of ${sample.name}`);
    if ((quantile !== undefined) !== (type === 'summary' && suffix === ''))
      refuse(`quantile of ${sample.name}`);
    const key = JSON.stringify(Object.entries(own).sort());
    if (metrics.has(key) && key !== last) refuse(`the metrics of ${name} are interleaved`);
    metrics.set(key, [...(metrics.get(key) ?? []), sample]);
    last = key;
  }
  for (const metric of metrics.values()) checkMetric(name, type, metric);
}

function checkMetric(name: string, type: string, samples: readonly ParsedSample[]): void {
  const all = (suffix: string) => samples.filter((sample) => sample.name === name + suffix);
  const one = (suffix: string) => {
    const [sample, ...more] = all(suffix);
    if (sample === undefined || more.length > 0) refuse(`${1 + more.length} or no ${name}${suffix}`);
    return sample.value;
  };
  if (type === 'gauge') one('');
  if (type === 'counter') checkGrowing(name, one('_total'));
  if (type === 'summary' || type === 'histogram') {
    checkGrowing(`${name}_sum`, one('_sum'));
    if (!(Number.isInteger(one('_count')) && one('_count') >= 0)) refuse(`count of ${name}`);
  }
  if (type === 'histogram') checkBuckets(name, all('_bucket'), one('_count'));
}

function checkGrowing(name: string, value: number): void {
  if (!(value >= 0)) refuse(`${name} is ${value}`);
}

function checkBuckets(name: string, buckets: readonly ParsedSample[], count: number): void {
  let last = { le: -Infinity, value: 0 };
  for (const { labels, value } of buckets) {
    if (!CANONICAL.test(labels.le!)) refuse(`le="${labels.le}" is not canonical`);
    const le = numberOf(labels.le!);
    if (!(le > last.le && value >= last.value && Number.isInteger(value))) refuse(`buckets of ${name}`);
    last = { le, value };
  }
  if (last.le !== Infinity || last.value !== count) refuse(`the last bucket of ${name}`);
}

/** No name may be that of two families, or of a sample of another one. */
function checkNames(families: readonly ParsedFamily[]): void {
  const names = families.flatMap(({ name, type }) => [
    ...new Set(['', ...SUFFIXES[type!]!].map((suffix) => name + suffix)),
  ]);
  if (new Set(names).size !== names.length) refuse('names clash');
}
