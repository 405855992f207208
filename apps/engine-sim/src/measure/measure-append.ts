import { RequestEvent } from '@fswal/format';
import { RecorderManager, type RecorderSnapshot } from '@fswal/recorder';
import { OrderFlow } from '../flow/order-flow.js';
import { median } from './median.js';

/** An eighth of the default tail ring: a burst never waits for the writer. */
const BURST_EVENTS = 65_536;
const WARM_UP_BURSTS = 8;
const BURSTS = 24;
const FLAT_OUT_EVENTS = 1_500_000;

export interface AppendFigures {
  /** Median over bursts that fit the tail ring, ns per append. */
  readonly nsMedian: number;
  /** Flat out into fresh files, from the first append until sync() has resolved. */
  readonly eventsPerSec: number;
  /** Of the recorder, all of it together. */
  readonly telemetry: RecorderSnapshot;
}

/**
 * Measures append on this thread, on a new log in `dir`: bursts of a filled event, timed as a whole, with a sync()
 * after each; then as many as go through in one run.
 *
 * @throws WalError
 */
export async function measureAppend(dir: string, signal: AbortSignal): Promise<AppendFigures> {
  const recorder = await RecorderManager.open({ dir });
  try {
    const event = new RequestEvent();
    new OrderFlow(1).next(event);
    let lastId = 0;
    const bursts: number[] = [];
    for (let i = 0; i < WARM_UP_BURSTS + BURSTS && !signal.aborted; i++) {
      const ns = appendMany(recorder, event, lastId, BURST_EVENTS);
      lastId += BURST_EVENTS;
      if (i >= WARM_UP_BURSTS) bursts.push(ns / BURST_EVENTS);
      await recorder.sync();
    }
    const start = performance.now();
    appendMany(recorder, event, lastId, FLAT_OUT_EVENTS);
    await recorder.sync();
    const seconds = (performance.now() - start) / 1000;
    const { telemetry } = recorder;
    return { nsMedian: median(bursts), eventsPerSec: FLAT_OUT_EVENTS / seconds, telemetry };
  } finally {
    await recorder.close();
  }
}

/** Nanoseconds that all of it took. */
function appendMany(recorder: RecorderManager, event: RequestEvent, lastId: number, count: number): number {
  const start = performance.now();
  for (let id = lastId + 1; id <= lastId + count; id++) {
    event.eventId = id;
    recorder.append(event);
  }
  return (performance.now() - start) * 1e6;
}
