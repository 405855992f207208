import { RequestEvent } from '@fswal/format';
import type { Flow } from '../flow/flow.js';
import { breathe } from './pause.js';

/** Requests made again between two breaths: some ten milliseconds. */
const SLICE_REQUESTS = 262_144;

/**
 * Makes a flow stand behind its request `upTo`.
 * @param goesOn asked now and then
 * @returns false where that said no
 */
export async function passOver(flow: Flow, upTo: number, goesOn: () => boolean): Promise<boolean> {
  const scratch = new RequestEvent();
  while (flow.count < upTo) {
    flow.skip(Math.min(SLICE_REQUESTS, upTo - flow.count), scratch);
    await breathe();
    if (!goesOn()) return false;
  }
  return true;
}
