import type { Collector, ExportOptions, Labels, MetricSource, Sample } from './sample.js';

/** All samples of one name, as Prometheus knows them. */
export interface Family {
  /** With the unit at its end, without `_total`. */
  readonly name: string;
  readonly kind: Sample['kind'];
  readonly help: string;
  readonly unit: string;
  /** At least one; their labels tell them apart. */
  readonly samples: Sample[];
}

/** Without what is reserved: `_` in front, and `:`, for what a monitoring system computes itself. */
const NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
/** The exporters' own labels. */
const RESERVED_LABELS: readonly string[] = ['le', 'quantile'];
/** What may come behind a family's name in an exposition. */
const SUFFIXES: Readonly<Record<Sample['kind'], readonly string[]>> = {
  counter: ['', '_total', '_created'],
  gauge: [''],
  summary: ['', '_count', '_sum', '_created'],
  histogram: ['', '_count', '_sum', '_bucket', '_created'],
};

/**
 * What a source has at the moment, families in the order in which they come first.
 * @throws TypeError where names or labels are not allowed, or clash; RangeError where a counter does not count
 */
export function collectFamilies(source: MetricSource, { prefix = '', labels = {} }: ExportOptions): Family[] {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  const collector: Collector = (given) => {
    const sample = { ...given, labels: withoutEmpty({ ...labels, ...given.labels }) };
    checkSample(sample);
    const { kind, help, unit } = sample;
    const name = familyName(sample);
    const family = families.get(name) ?? { name, kind, help, unit, samples: [] };
    const key = JSON.stringify([name, Object.entries(sample.labels).sort()]);
    if (family.kind !== kind || seen.has(key)) {
      throw new TypeError(`there are two metrics ${name}: give them different names, prefixes or labels`);
    }
    seen.add(key);
    family.samples.push(sample);
    families.set(name, family);
  };
  source.collect(prefix, collector);
  checkClashes(families.values());
  return [...families.values()];
}

/** An empty label is no label. */
function withoutEmpty(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

function familyName({ name, kind, unit }: Sample): string {
  const bare = kind === 'counter' ? name.replace(/_total$/, '') : name;
  return unit === '' || bare.endsWith(`_${unit}`) ? bare : `${bare}_${unit}`;
}

function checkSample(sample: Sample): void {
  const { name, kind, unit, labels } = sample;
  if (!NAME.test(unit === '' ? name : `${name}_${unit}`)) {
    throw new TypeError(`a metric cannot be called '${name}' (unit '${unit}'): use letters, digits and _`);
  }
  for (const label of Object.keys(labels)) {
    if (!NAME.test(label) || RESERVED_LABELS.includes(label)) {
      throw new TypeError(
        `a label of ${name} cannot be called '${label}': use letters, digits and _, but not ${RESERVED_LABELS.join(' or ')}`,
      );
    }
  }
  if (kind === 'counter' && !(sample.value >= 0)) {
    throw new RangeError(`the counter ${name} is ${sample.value}: what can fall is a gauge`);
  }
}

/** A gauge `x_sum` beside a summary `x` would be taken for a part of it. */
function checkClashes(families: Iterable<Family>): void {
  const owners = new Map<string, string>();
  for (const { name, kind } of families) {
    for (const suffix of SUFFIXES[kind]) {
      const owner = owners.get(name + suffix);
      if (owner !== undefined) {
        throw new TypeError(`the metrics ${owner} and ${name} clash in ${name + suffix}: rename one of them`);
      }
      owners.set(name + suffix, name);
    }
  }
}
