import type {
  DurationSnapshot,
  LifecycleSnapshot,
  MetricLayout,
  OperationSnapshot,
  Snapshot,
} from '@fswal/telemetry';

type Value = number | DurationSnapshot | OperationSnapshot | LifecycleSnapshot;

/** What several threads have measured under the same names, as if one had. Not for histograms. */
export function addSnapshots<L extends MetricLayout>(all: readonly Snapshot<L>[]): Snapshot<L> {
  const [first] = all;
  if (first === undefined) throw new Error('there is nothing to add up');
  const names = Object.keys(first) as (keyof L)[];
  return Object.fromEntries(
    names.map((name) => [name, all.map((each) => each[name] as Value).reduce(add)]),
  ) as Snapshot<L>;
}

function add(a: Value, b: Value): Value {
  if (typeof a === 'number') return a + (b as number);
  if ('loops' in a) return addLifecycles(a, b as LifecycleSnapshot);
  const durations = addDurations(a, b as DurationSnapshot);
  if (!('failures' in a)) return durations;
  return { ...durations, failures: a.failures + (b as OperationSnapshot).failures };
}

function addLifecycles(a: LifecycleSnapshot, b: LifecycleSnapshot): LifecycleSnapshot {
  return { loops: a.loops + b.loops, active: a.active + b.active, idle: a.idle + b.idle };
}

/** Of nothing there is no shortest: its 0 does not count. */
function addDurations(a: DurationSnapshot, b: DurationSnapshot): DurationSnapshot {
  const min = a.count === 0 ? b.min : b.count === 0 ? a.min : Math.min(a.min, b.min);
  return { count: a.count + b.count, sum: a.sum + b.sum, min, max: Math.max(a.max, b.max) };
}
