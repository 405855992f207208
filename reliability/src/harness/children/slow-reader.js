// Reads a log slowly in the process that records it, and says in its marks which event it stands at.
import { setTimeout as sleep } from 'node:timers/promises';
import { RecoveryManager } from '@fswal/recovery';

const EVENTS_AT_ONCE = 700;

/** Again and again from the oldest event on; ends when the recorder does, and that by the process's end. */
export async function readSlowly(dir, marks) {
  for (;;) {
    const recovery = await RecoveryManager.open({ dir });
    try {
      for (let id = next(recovery); id > 0; id = skip(recovery)) {
        // While it stands here its segment must not go: this is what the parent holds the recorder to.
        marks.held = id;
        await sleep(15);
        marks.held = 0;
      }
    } finally {
      await recovery.close();
    }
    await sleep(1);
  }
}

function next(recovery) {
  return recovery.next() ? recovery.event.eventId : 0;
}

function skip(recovery) {
  let id = 0;
  for (let n = 0; n < EVENTS_AT_ONCE; n++) {
    const following = next(recovery);
    if (following === 0) return id;
    if (id !== 0 && following !== id + 1) throw new Error(`the reader got event ${following} after ${id}`);
    id = following;
  }
  return id;
}
