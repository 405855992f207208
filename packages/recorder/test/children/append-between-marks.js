// Appends between two system calls that a tracer can find, several times, after warming up.
import { statSync } from 'node:fs';
import { EventView } from '@fswal/format';
import { RecorderManager } from '../../dist/index.js';

const [dir, windows] = process.argv.slice(2);
const APPENDS = 20_000;

const recorder = await RecorderManager.open({ dir });
const event = new EventView();
let id = 0;
function append(times) {
  for (let i = 0; i < times; i++) {
    event.eventId = ++id;
    if (i % 2 === 0) recorder.append(event);
    else {
      const view = recorder.claim();
      view.words[view.base + 4] = i;
      recorder.commit(id);
    }
  }
}
for (let i = 0; i < 30; i++) {
  append(APPENDS);
  await recorder.sync();
}
for (let window = 0; window < Number(windows); window++) {
  statSync(`${dir}/begin-${window}`, { throwIfNoEntry: false });
  append(APPENDS);
  statSync(`${dir}/end-${window}`, { throwIfNoEntry: false });
  await recorder.sync();
}
await recorder.close();
process.stdout.write(String(id));
