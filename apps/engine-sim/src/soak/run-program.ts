import { writeSync } from 'node:fs';

const STDERR = 2;

/** Runs a program of a soak with what is on its command line; a failure ends it at once, as a line on stderr says. */
export async function runProgram<T>(program: (args: T) => Promise<void>): Promise<void> {
  try {
    await program(JSON.parse(process.argv[2]) as T);
  } catch (error) {
    // Before the process is gone: a stream's write to a pipe may come too late.
    writeSync(STDERR, error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
