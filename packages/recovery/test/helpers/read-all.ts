import { EventView, type WalError } from '@fswal/format';
import { openSource, type SourceOptions } from '../../src/open-source.js';
import { eventsOfBlock, eventWord, ReplayWindow } from '../../src/replay-window.js';
import { type LogEnd, NOTHING_YET, PASSED_OVER, type WindowSource } from '../../src/window-source.js';
import { eventOf } from './log-builder.js';

/** More than any log of these tests has files. */
const MOST_CONTENTS = 10_000;

export const BOOT = '0123456789abcdef0123456789abcdef';

export interface ReadLog {
  ids: bigint[];
  end: LogEnd;
  error: WalError | undefined;
  reader: WindowSource;
}

/** Reads a log to its end through one window, and checks every event against the formula. */
export function readAll(dir: string, options: Partial<SourceOptions> = {}): ReadLog {
  const usual = { mode: 'strict', follow: false, tailRingDir: dir, fromEventId: 0n, bootId: BOOT } as const;
  const reader = openSource({ dir, ...usual, ...options });
  return { ...readFrom(reader), reader };
}

/** What is left of a log that is open. */
export function readFrom(reader: WindowSource): Omit<ReadLog, 'reader'> {
  const window = ReplayWindow.allocate(reader.windowBytes);
  const ids: bigint[] = [];
  const view = new EventView();
  let contents = 0;
  for (let content = reader.readNext(window); content !== undefined; content = reader.readNext(window)) {
    if (content === PASSED_OVER) continue;
    if (++contents > MOST_CONTENTS) throw new Error(`readNext() goes on after ${MOST_CONTENTS} windows`);
    if (content === NOTHING_YET) throw new Error('the log is not followed');
    const { blocks, tailEvents, startBlock, startEvent } = content;
    view.words = window.words;
    for (let block = startBlock; block < blocks + Math.sign(tailEvents); block++) {
      const count = block < blocks ? eventsOfBlock(window.words, block) : tailEvents;
      for (let event = block === startBlock ? startEvent : 0; event < count; event++) {
        view.base = eventWord(block, event);
        ids.push(view.eventIdBig);
        if (Buffer.compare(view.bytes, eventOf(view.eventIdBig).bytes) !== 0) {
          throw new Error(`event ${view.eventIdBig} is not as it was written`);
        }
      }
    }
  }
  return { ids, end: reader.end, error: reader.end.error };
}
