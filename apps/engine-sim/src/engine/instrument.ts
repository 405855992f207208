import { type RequestEvent, RequestEventOffset, WORD_BYTES } from '@fswal/format';

/*
 * Which instrument a request is for: a u16 in bytes 44 and 45, the first of those that RequestEvent leaves zero. So
 * every request that knows nothing of instruments is for instrument 0.
 */
const INSTRUMENT_OFFSET = 44;

if (INSTRUMENT_OFFSET < RequestEventOffset.padding)
  throw new Error('the instrument lies in a field of the request');

/** The word of an event that holds the instrument, its upper half being zero. */
export const INSTRUMENT = INSTRUMENT_OFFSET / WORD_BYTES;

/** More than an exchange lists. */
export const MAX_INSTRUMENTS = 16_384;

export function instrumentOf(event: RequestEvent): number {
  return event.words[event.base + INSTRUMENT] & 0xffff;
}
