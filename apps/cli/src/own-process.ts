import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ExitStatus } from './exit-status.js';
import { Interrupted, interruptible, SIGNALS } from './interrupts.js';

/**
 * Runs a module in a process of its own, with our stdin, stdout and stderr: long calls of native code do not let the
 * event loop turn, but a process can be ended anywhere. It is given `data`, as JSON, for its only argument.
 *
 * @param tidyUp called where the process was killed, by Ctrl-C or otherwise
 * @returns its exit status
 * @throws Interrupted; Error where something else has killed it
 */
export function inOwnProcess(module: URL, data: unknown, tidyUp: () => Promise<void>): Promise<ExitStatus> {
  return interruptible(async (signal) => {
    const child = fork(module, [JSON.stringify(data)], { execArgv: [] });
    signal.addEventListener('abort', () => child.kill('SIGKILL'));
    const [status, killedBy] = (await once(child, 'exit')) as [ExitStatus, null] | [null, NodeJS.Signals];
    if (killedBy === null) return status;
    await tidyUp();
    // At a terminal Ctrl-C is for both.
    if (signal.aborted || SIGNALS.some((name) => name === killedBy)) throw new Interrupted();
    throw new Error(`it was ended by ${killedBy}`);
  });
}
