import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/**
 * Collects all garbage of this thread, which V8 would put off for long: it does not count the shared memory that hangs on
 * what it takes for small objects, such as the windows of a recovery that was closed.
 */
export const collectGarbage = runInNewContext('gc') as () => void;
