/*
 * A recording process that is stopped behind each of its calls that change a file. While all its threads stand still,
 * the files are what SIGKILL at this moment would leave, and the device what a power cut would; then it goes on.
 */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { THREADS, type Thread } from './call-plan.js';
import { hasEnded, runScenario, type ScenarioOptions, type ScenarioResult } from './scenario.js';
import { CHANGING_CALLS } from './strace.js';

/** A process that stands still. */
export interface Stop {
  /** R and D as the process has told them. One event more may be there, whose append has not returned. */
  readonly returned: number;
  readonly durable: number;
  /** What each traced thread did last; the calls have been carried out. */
  readonly lastCalls: Readonly<Record<string, string>>;
}

export interface Stops {
  /** Whose calls stop the process. Default: all of them. */
  readonly threads?: readonly Thread[];
  /** Which calls. Default: those that change files, and `openat`, which may make one. */
  readonly calls?: readonly string[];
}

const POLL_MS = 1;
const HANG_MS = 300_000;

/**
 * Runs the scenario, which may stop itself too, by its step `stop`. `look` is called at each stop, and the process goes
 * on when it has resolved. Threads that make their calls at the same moment make one stop.
 */
export async function stopAtEachCall(
  scenario: ScenarioOptions,
  { threads = THREADS, calls = [...CHANGING_CALLS, 'openat'] }: Stops,
  look: (stop: Stop) => Promise<void>,
): Promise<ScenarioResult> {
  // The call happens, and before the thread is back from it the whole process is stopped.
  const injection = { call: calls.join(',?'), action: 'signal=SIGSTOP', when: '1+' } as const;
  return runScenario({
    ...scenario,
    trace: Object.fromEntries(threads.map((thread) => [thread, [injection]])),
    hangMs: HANG_MS,
    async meanwhile(child, _, { reached, lastCalls }) {
      let before: string | undefined;
      while (!hasEnded(child)) {
        const now = standing(child.pid as number);
        // Seen twice: a tracer holds its thread for a moment at each call, and then lets it go on.
        if (now !== undefined && now === before) {
          await look({ ...reached(), lastCalls: lastCalls() });
          before = undefined;
          child.kill('SIGCONT');
        } else {
          before = now;
        }
        await sleep(POLL_MS);
      }
    },
  });
}

/** How often each thread has run; undefined where one of them runs, or the process is not stopped as a whole. */
function standing(pid: number): string | undefined {
  const turns: (string | undefined)[] = [];
  let isStopped = false;
  try {
    for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
      const status = fs.readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
      const state = /^State:\t(.)/m.exec(status)?.[1];
      if (state !== 'T' && state !== 't') return undefined;
      // 't' = held by a tracer, 'T' = stopped with the process: some of Node's threads nobody traces.
      isStopped ||= state === 'T';
      turns.push(/^voluntary_ctxt_switches:\t(\d+)/m.exec(status)?.[1]);
    }
  } catch (error) {
    // It ends, or a thread of it does.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  return isStopped ? turns.join(' ') : undefined;
}
