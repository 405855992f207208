import type { WalError } from '@fswal/format';
import type { Lifecycle } from '@fswal/telemetry';
import { nsSince } from '@fswal/telemetry/clock';
import type { Control, Role } from './control.js';
import { releaseMemory } from './release-memory.js';

/** V8 lets the heap of a thread grow for many minutes before it looks through all of it; ours have little that lives. */
const RELEASE_INTERVAL_MS = 10_000;

/** The work of one thread, in small steps. How it waits between them is not its business. */
export interface Agent {
  readonly role: Role;
  /** Does what there is to do, without waiting. @returns how much was done; 0 = nothing */
  doWork(): number;
  /** Whether there will never be anything to do again. */
  readonly done: boolean;
  /** Whether the last step has left memory of native code behind, such as a codec's. */
  readonly leftNativeMemory?: boolean;
}

/** How long a thread sleeps when there was nothing to do, unless it is woken. */
export interface IdleStrategy {
  /** Milliseconds to sleep after a step that did `work`. */
  idleMs(work: number): number;
}

/** Sleeps `shortMs` while there was work lately, `longMs` after `steps` idle steps in a row. */
export class BackoffIdle implements IdleStrategy {
  readonly #shortMs: number;
  readonly #longMs: number;
  readonly #steps: number;
  #idleSteps = 0;

  constructor(shortMs: number, longMs: number, steps: number) {
    this.#shortMs = shortMs;
    this.#longMs = longMs;
    this.#steps = steps;
  }

  idleMs(work: number): number {
    this.#idleSteps = work > 0 ? 0 : this.#idleSteps + 1;
    if (work > 0) return 0;
    return this.#idleSteps < this.#steps ? this.#shortMs : this.#longMs;
  }
}

/**
 * Runs an agent until it is done or any thread of the recorder has failed. Its own error becomes the recorder's
 * failure.
 */
export async function runAgent(
  agent: Agent,
  idle: IdleStrategy,
  control: Control,
  lifecycle: Pick<Lifecycle, 'active' | 'idle'>,
  asFailure: (error: unknown) => WalError,
): Promise<void> {
  let releaseAtMs = performance.now() + RELEASE_INTERVAL_MS;
  while (!agent.done && !control.failed) {
    const seen = control.wakeCount(agent.role);
    const start = performance.now();
    let work: number;
    try {
      work = agent.doWork();
    } catch (error) {
      control.fail(asFailure(error));
      return;
    }
    lifecycle.active(nsSince(start));
    if (agent.leftNativeMemory || (work > 0 && performance.now() >= releaseAtMs)) {
      await releaseMemory();
      releaseAtMs = performance.now() + RELEASE_INTERVAL_MS;
    }
    const idleMs = idle.idleMs(work);
    if (idleMs > 0 && !agent.done) {
      const asleep = performance.now();
      control.sleep(agent.role, seen, idleMs);
      lifecycle.idle(nsSince(asleep));
    }
  }
}
