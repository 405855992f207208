import { FollowedMark } from './followed-mark.js';
import { Follower } from './follower.js';
import { runProgram } from './run-program.js';

/** What this program takes on its command line, as JSON. */
export interface FollowerArguments {
  readonly dir: string;
  readonly markPath: string;
}

/*
 * The process that follows the log of a soak: goes on where the mark says, until it is killed, something is wrong, or its
 * standard input ends because its parent is gone.
 */
await runProgram(async ({ dir, markPath }: FollowerArguments) => {
  process.stdin.on('end', () => process.exit(0)).resume();
  await new Follower(FollowedMark.open(markPath)).follow(dir);
});
