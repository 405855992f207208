// Records a log whose changes are written down by watch-changes.js, with what was appended and what was durable when.
//
//   FSWAL_CHANGES=... node --import watch-changes.js record-watched.js '{ "dir", "options", "bursts": [events, ...] }'

import { RecorderManager } from '@fswal/recorder';
import { fillContent } from '../../harness/children/formula.js';
import { note } from './watch-changes.js';

const { dir, options, bursts } = JSON.parse(process.argv[2]);
const recorder = await RecorderManager.open({ dir, ...options });
let id = 0;
for (const [turn, events] of bursts.entries()) {
  note({ op: 'appended', id: id + events });
  for (let n = 0; n < events; n++) {
    const { words, base } = recorder.claim();
    fillContent(words, base, ++id);
    recorder.commit(id);
  }
  if (turn % 2 === 0) note({ op: 'durable', id: Number(await recorder.sync()) });
  else note({ op: 'durable', id: Number(recorder.durableEventId) });
}
await recorder.close();
note({ op: 'durable', id: Number(recorder.durableEventId) });
