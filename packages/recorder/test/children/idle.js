// Opens a log, appends, and comes to its end without closing.
import { EventView } from '@fswal/format';
import { RecorderManager } from '../../dist/index.js';

const recorder = await RecorderManager.open({ dir: process.argv[2] });
const event = new EventView();
event.eventId = 1;
recorder.append(event);
await recorder.sync();
event.eventId = 2;
recorder.append(event);
