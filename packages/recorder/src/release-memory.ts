import { setImmediate as nextTurn } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

let collector: (() => void) | undefined;

/**
 * Collects this thread's garbage, which takes some milliseconds, and gives back what native code, such as a codec, has
 * allocated for it. V8 must see that nobody uses that any more, which it would otherwise look for after some 64 MB; then it
 * is freed on the thread's event loop, and nowhere else.
 */
export async function releaseMemory(): Promise<void> {
  collector ??= garbageCollector();
  collector();
  await nextTurn();
}

/** V8's own, which it shows to contexts made while this flag is set; where there is none, V8 collects when it likes. */
function garbageCollector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  try {
    return vm.runInNewContext('typeof gc === "function" ? () => gc() : () => {}') as () => void;
  } finally {
    v8.setFlagsFromString('--no-expose-gc');
  }
}
