// Replays a log, and tells how it went.
//
//   node replay-whole.js DIR          writes { events, lastId, wrong, code, typed, file } as JSON; code 'OK' or the error's

import { RecoveryManager } from '@fswal/recovery';
import { contentIsRight } from './formula.js';

const [dir] = process.argv.slice(2);
const outcome = { events: 0, lastId: 0, wrong: 0, code: 'OK', typed: true };
try {
  const recovery = await RecoveryManager.open({ dir });
  try {
    while (recovery.next()) {
      const { event } = recovery;
      const id = event.eventId;
      if (!contentIsRight(event.words, event.base, id)) outcome.wrong++;
      outcome.lastId = id;
      outcome.events++;
    }
  } finally {
    await recovery.close();
  }
} catch (error) {
  outcome.code = error.code ?? error.name;
  outcome.typed = error.name === 'WalError';
  outcome.file = error.file;
}
process.stdout.write(JSON.stringify(outcome));
