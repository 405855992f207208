import type { ExitStatus } from '../exit-status.js';
import type { Output } from '../output.js';

/** What every command gets beside its own arguments. */
export interface Context {
  readonly output: Output;
  /** The result as JSON, one object in one line. */
  readonly json: boolean;
}

export type CommandResult = Promise<ExitStatus>;
