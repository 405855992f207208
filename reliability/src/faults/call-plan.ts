/* All calls of a scenario, by thread: a run without faults lists them, and each can then be harmed in a run of its own. */
import { runScenario, type ScenarioOptions, type ScenarioResult } from './scenario.js';
import { CHANGING_CALLS, type TracedCall, wasStruck } from './strace.js';

/** The threads of a recorder, as the scenario's child names them. */
export const THREADS = ['main', 'writer', 'preparer', 'maintainer', 'coordinator'] as const;
export type Thread = (typeof THREADS)[number];

/** One call of one thread. */
export interface PlannedCall extends TracedCall {
  readonly thread: Thread;
}

/** Runs the scenario without faults. @returns its calls. @throws Error if it does not end well by itself */
export async function planCalls(
  scenario: ScenarioOptions,
  threads = THREADS as readonly Thread[],
): Promise<PlannedCall[]> {
  const trace = Object.fromEntries(threads.map((thread) => [thread, []]));
  const result = await runScenario({ ...scenario, trace });
  const bad = result.outcomes.filter(({ code }) => code !== 'OK');
  if (result.exitCode !== 0 || bad.length > 0) {
    throw new Error(`the scenario fails without a fault: ${JSON.stringify(bad)} ${result.stderr}`);
  }
  return threads.flatMap((thread) => (result.calls[thread] ?? []).map((call) => ({ ...call, thread })));
}

/** Whether killing before this call finds another state on the disk than killing before the next one. */
export function changesFiles({ name, text }: TracedCall): boolean {
  return (
    (CHANGING_CALLS as readonly string[]).includes(name) || (name === 'openat' && text.includes('O_CREAT'))
  );
}

/** Whether this call puts on the device what others have changed. */
export function syncsFiles({ name }: TracedCall): boolean {
  return name === 'fsync' || name === 'fdatasync' || name === 'msync';
}

/** Each kind of call of each thread once: the first on a file of its kind. */
export function oneOfEach(calls: readonly PlannedCall[]): PlannedCall[] {
  return [...kindsOf(calls).values()].map((kind) => kind[0] as PlannedCall);
}

/** Each kind of call of each thread twice: the first and the last one on a file of its kind. */
export function firstAndLastOfEach(calls: readonly PlannedCall[]): PlannedCall[] {
  return [...kindsOf(calls).values()].flatMap(
    (kind) => [...new Set([kind[0], kind.at(-1)])] as PlannedCall[],
  );
}

function kindsOf(calls: readonly PlannedCall[]): Map<string, PlannedCall[]> {
  const kinds = new Map<string, PlannedCall[]>();
  for (const call of calls) {
    const kind = `${call.thread} ${call.name} ${call.text.replaceAll(/\d+/g, '')}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), call]);
  }
  return kinds;
}

/** Runs the scenario, `action` striking at one of its calls. @returns the run, and whether the call was reached */
export async function strikeAt(
  scenario: ScenarioOptions,
  { thread, name, when }: PlannedCall,
  action: string,
  forever = false,
): Promise<ScenarioResult & { struck: boolean }> {
  const injection = { call: name, action, when: forever ? (`${when}+` as const) : when };
  const result = await runScenario({ ...scenario, trace: { [thread]: [injection] } });
  const calls = result.calls[thread] ?? [];
  const struck = action.startsWith('signal') ? result.signal !== null : wasStruck(calls);
  return { ...result, struck };
}

/** A call in words, for messages. */
export function describeCall({ thread, name, when, text }: PlannedCall): string {
  return `${thread}, ${name} no. ${when} (${text.replace(/\{stx.*/, '').slice(0, 160)})`;
}
