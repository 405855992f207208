// Records until it dies, one way or another. What append() and sync() have returned it publishes through a mapped file.
//
//   node record.js DIR SHARED_FILE WAY SEED        WAY: kill (by the parent), exit, throw
import { EventView } from '@fswal/format';
import { loadProvider } from '@fswal/mmap';
import { RecorderManager } from '../../dist/index.js';
import { fillContent } from '../helpers/formula.js';

const [dir, sharedFile, way, seed] = process.argv.slice(2);
const published = new Float64Array(loadProvider().openMapped(sharedFile).buffer);
let random = Number(seed);
const below = (limit) => {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 8) % limit;
};

const recorder = await RecorderManager.open({ dir, blocksPerSegment: 16, tailBlocks: 8 });
const event = new EventView();
let id = Number(recorder.metaState.eventId);
published[2] = 1;
if (way === 'exit') setTimeout(() => process.exit(3), below(100));
if (way === 'throw') {
  setTimeout(() => {
    throw new Error('on purpose');
  }, below(100));
}
for (;;) {
  for (let n = below(1000); n > 0; n--) {
    id++;
    if (n % 2 === 0) {
      event.eventId = id;
      fillContent(event.words, 0, id);
      recorder.append(event);
    } else {
      const view = recorder.claim();
      fillContent(view.words, view.base, id);
      recorder.commit(id);
    }
    published[0] = id;
  }
  if (below(4) === 0) published[1] = Number(await recorder.sync());
  else await new Promise((resolve) => setTimeout(resolve, below(3)));
}
