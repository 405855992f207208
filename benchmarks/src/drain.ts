import { setTimeout as sleep } from 'node:timers/promises';
import type { RecorderManager } from '@fswal/recorder';

/** A busy machine may be slow; a recorder that failed never comes to it. */
const PATIENCE_MS = 60_000;

/** Resolves when everything appended is in a segment: in the page cache, no more than that. */
export async function drained(recorder: RecorderManager): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { appended, sealed } = recorder.watermarks;
    if (sealed === appended) return;
    if (performance.now() > deadline) throw new Error(`event ${appended} is still not in a segment`);
    await sleep(1);
  }
}
