import { EVENT_WORDS, type EventView } from '@fswal/format';
import type { EventViewClass } from './options.js';

const ID_WORDS = 2;

/**
 * The class of the view that `claim()` gives: as `View`, but its event id cannot be set. The id is the commit word: set
 * early, it would show everybody an event that is not whole, and the checksums would be taken of what changes later.
 */
export function claimedView<View extends EventView>(View: EventViewClass<View>): EventViewClass<View> {
  const Base = View as unknown as EventViewClass<EventView>;
  class ClaimedView extends Base {
    override get eventId(): number {
      return super.eventId;
    }
    override set eventId(_id: number) {}

    override get eventIdBig(): bigint {
      return super.eventIdBig;
    }
    override set eventIdBig(_id: bigint) {}

    /** All but the id. */
    override copyFrom(source: EventView): void {
      const { words, base } = this;
      for (let i = ID_WORDS; i < EVENT_WORDS; i++) words[base + i] = source.words[source.base + i];
    }
  }
  return ClaimedView as unknown as EventViewClass<View>;
}
