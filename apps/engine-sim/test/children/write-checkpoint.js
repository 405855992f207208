// A process that writes a checkpoint of event 9 beside that of event 3, and keeps the newest one alone.
const [, , dir] = process.argv;
const dist = new URL('../../dist/', import.meta.url).href;
const { RequestEvent } = await import('@fswal/format');
const { encodeCheckpoint } = await import(`${dist}checkpoint/checkpoint.js`);
const { CheckpointStore } = await import(`${dist}checkpoint/checkpoint-store.js`);
const { WordWriter } = await import(`${dist}engine/state-words.js`);
const { Venue } = await import(`${dist}engine/venue.js`);

const bytes = encodeCheckpoint(RequestEvent.from({ eventId: 9 }), new Venue(), new WordWriter());
try {
  const store = CheckpointStore.open(dir);
  await store.write(9n, bytes, async () => undefined);
  await store.keepNewest(1);
} catch (error) {
  process.stdout.write(error.code ?? String(error));
}
