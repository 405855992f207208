/* Records some events and syncs, then appends more and is killed before a quiet moment takes those to a segment. */
import { RequestEvent } from '@fswal/format';
import { RecorderManager } from '@fswal/recorder';

const [dir, synced, more] = process.argv.slice(2);
const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16, volatilePlace: 'allow' });
const event = RequestEvent.from({ price: 5, quantity: 6 });
let id = 0;
const append = (count) => {
  for (const end = id + count; id < end; ) {
    event.eventId = ++id;
    recorder.append(event);
  }
};
append(Number(synced));
await recorder.sync();
append(Number(more));
process.kill(process.pid, 'SIGKILL');
