import { isDeepStrictEqual } from 'node:util';
import type { Flow } from './flow.js';
import { DEFAULT_PROFILE, type FlowProfile } from './flow-profile.js';
import { OrderFlow } from './order-flow.js';
import { RecordedFlow } from './recorded-flow.js';

/** All that a flow follows from, as plain JSON: a seed and a profile, or a file. */
export type FlowSpec = { readonly seed: number; readonly profile: FlowProfile } | { readonly file: string };

export function specOfSeed(seed: number): FlowSpec {
  return { seed, profile: DEFAULT_PROFILE };
}

/** The flow, before its first request. @throws FlowFileError */
export function openFlow(spec: FlowSpec): Flow {
  return 'file' in spec ? new RecordedFlow(spec.file) : new OrderFlow(spec.seed, spec.profile);
}

/** The instruments that its requests are for, from 0 on; of a file nobody knows before it is played: 1. */
export function instrumentsOf(spec: FlowSpec): number {
  return 'file' in spec ? 1 : spec.profile.instruments.count;
}

/** `seed 5`, `seed 5 and its profile`, `flow file X` */
export function describeFlow(spec: FlowSpec): string {
  if ('file' in spec) return `flow file ${spec.file}`;
  const isDefault = isDeepStrictEqual(spec.profile, DEFAULT_PROFILE);
  return isDefault ? `seed ${spec.seed}` : `seed ${spec.seed} and this profile`;
}
