import { EventView } from '@fswal/format';
import { LogFollower, type LogFollowerOptions } from '../../src/log-follower.js';
import { eventsOfBlock, eventWord, ReplayWindow, type WindowContent } from '../../src/replay-window.js';
import { NOTHING_YET, type SeekTarget } from '../../src/window-source.js';
import { eventOf } from './log-builder.js';

/** More looks in a row than it takes until a follower has looked at everything. */
const MANY_LOOKS = 30;

/** A follower without its thread: looks when it is told to, and checks every event against the formula. */
export class Following {
  /** All events delivered. */
  readonly ids: bigint[] = [];
  readonly source: LogFollower;
  readonly #window: ReplayWindow;
  readonly #view = new EventView();

  constructor(dir: string, options: Partial<LogFollowerOptions> = {}) {
    this.source = LogFollower.open({ dir, fromEventId: 0n, ...options });
    this.#window = ReplayWindow.allocate(this.source.windowBytes);
  }

  /** Takes one window, if there is one. @returns its events; undefined at the end */
  look(): bigint[] | undefined {
    const content = this.source.readNext(this.#window);
    if (content === undefined) return undefined;
    const ids = content === NOTHING_YET ? [] : this.#idsOf(content);
    this.ids.push(...ids);
    return ids;
  }

  /** Takes everything up to the first look that finds nothing. @returns what has come */
  drain(): bigint[] {
    const from = this.ids.length;
    while ((this.look()?.length ?? 0) > 0);
    return this.ids.slice(from);
  }

  /** Takes everything, until nothing comes however often it looks. @returns what has come */
  settle(): bigint[] {
    const from = this.ids.length;
    for (let idle = 0; idle < MANY_LOOKS; ) {
      const ids = this.look();
      if (ids === undefined) break;
      idle = ids.length > 0 ? 0 : idle + 1;
    }
    return this.ids.slice(from);
  }

  seek(target: SeekTarget): void {
    this.source.seek(target);
    this.ids.length = 0;
  }

  get error() {
    return this.source.end.error;
  }

  #idsOf({ blocks, tailEvents, startBlock, startEvent }: WindowContent): bigint[] {
    const { words } = this.#window;
    const ids: bigint[] = [];
    this.#view.words = words;
    for (let block = startBlock; block < blocks + Math.sign(tailEvents); block++) {
      const count = block < blocks ? eventsOfBlock(words, block) : tailEvents;
      for (let event = block === startBlock ? startEvent : 0; event < count; event++) {
        this.#view.base = eventWord(block, event);
        ids.push(this.#view.eventIdBig);
        if (Buffer.compare(this.#view.bytes, eventOf(this.#view.eventIdBig).bytes) !== 0)
          throw new Error(`event ${this.#view.eventIdBig} is not as it was written`);
      }
    }
    if (ids.length === 0) throw new Error('a window without events');
    return ids;
  }
}
