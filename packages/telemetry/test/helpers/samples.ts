import type { MetricSource, Sample } from '../../src/index.js';
import type { ParsedFamily } from './parse-openmetrics.js';

/** A source of just these. */
export function sourceOf(samples: readonly Sample[]): MetricSource {
  return {
    collect(_, collector) {
      for (const sample of samples) collector(sample);
    },
  };
}

export function gauge(name: string, more: Partial<Sample> = {}): Sample {
  return { name, kind: 'gauge', help: '', unit: '', labels: {}, value: 1, ...more } as Sample;
}

/** Every sample of a text by name and labels, `le` as a number. */
export function valuesOf(families: readonly ParsedFamily[]): Record<string, number> {
  return Object.fromEntries(
    families.flatMap(({ samples }) =>
      samples.map(({ name, labels: { le, ...labels }, value }) => {
        const bound = le === undefined ? '' : ` le ${Number(le.replace('+Inf', 'Infinity'))}`;
        return [`${name} ${JSON.stringify(Object.entries(labels).sort())}${bound}`, value];
      }),
    ),
  );
}
