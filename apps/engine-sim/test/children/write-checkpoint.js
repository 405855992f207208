// A process that writes a checkpoint of event 9 beside that of event 3, and keeps the newest one alone.

import { Venue } from '@fswal/engine-sim';
import { RequestEvent } from '@fswal/format';
import { encodeCheckpoint } from '#checkpoint/checkpoint';
import { CheckpointStore } from '#checkpoint/checkpoint-store';
import { WordWriter } from '#engine/state-words';

const [, , dir] = process.argv;

const bytes = encodeCheckpoint(RequestEvent.from({ eventId: 9 }), new Venue(), new WordWriter());
try {
  const store = CheckpointStore.open(dir);
  await store.write(9n, bytes, async () => undefined);
  await store.keepNewest(1);
} catch (error) {
  process.stdout.write(error.code ?? String(error));
}
