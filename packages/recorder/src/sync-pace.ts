import type { Durability } from './options.js';

/** When the writer asks for a sync by itself. */
export interface SyncPace {
  /** @param idle whether no sync is under way @param nowMs a monotonic clock */
  due(idle: boolean, nowMs: () => number): boolean;
}

const NEVER: SyncPace = { due: () => false };
const AS_OFTEN_AS_POSSIBLE: SyncPace = { due: (idle) => idle };

/** Every `intervalMs`, counted from the one before; not while that one is still under way. */
class Interval implements SyncPace {
  readonly #intervalMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  due(idle: boolean, nowMs: () => number): boolean {
    if (!idle) return false;
    const now = nowMs();
    if (now - this.#lastMs < this.#intervalMs) return false;
    this.#lastMs = now;
    return true;
  }
}

export function syncPaceOf(durability: Durability, intervalMs: number): SyncPace {
  if (durability === 'none') return NEVER;
  return durability === 'group' ? AS_OFTEN_AS_POSSIBLE : new Interval(intervalMs);
}
