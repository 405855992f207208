/*
 * Records batch after batch into segments of 16 blocks until its stdin ends. Prints
 * the durable event id each time it moves. Keeps all segments, or as many as it is told.
 */
import { RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';

const [dir, batch, maxSegments] = process.argv.slice(2);
const recorder = await RecorderManager.open({
  dir,
  blocksPerSegment: 16,
  tailBlocks: 64,
  volatilePlace: 'allow',
  ...(maxSegments === undefined ? {} : { maxSegments: Number(maxSegments) }),
});
let stopped = false;
process.stdin.on('end', () => {
  stopped = true;
});
process.stdin.resume();
const event = RequestEvent.from({ price: 5, quantity: 6 });
let id = 0;
while (!stopped) {
  for (let i = 0; i < Number(batch); i++) {
    event.eventId = ++id;
    recorder.append(event);
  }
  console.log(String(await recorder.sync()));
}
await recorder.close();
