import { subscribe } from 'node:diagnostics_channel';
import { RECORDER_CHANNELS, type RecorderSegmentMessage } from '@fswal/recorder';
import { type EngineNews, EngineProbe, type ProbedEngine } from './engine-probe.js';

/*
 * For a process that records for another one. Only a parent that wants to hear has opened a channel, which goes when the
 * parent does; without one, nothing is done here.
 */

/** To be called before the recorder is opened. */
export function tellParentOfSegments(): void {
  if (!process.connected) return;
  subscribe(RECORDER_CHANNELS.segment, (segment) => tell({ segment: segment as RecorderSegmentMessage }));
}

/** Until the process ends. To be called before the first append. */
export function tellParentOfEngine(probed: ProbedEngine): void {
  if (process.connected) new EngineProbe(probed, (sample) => tell({ sample }));
}

function tell(news: EngineNews): void {
  if (process.connected) process.send!(news);
}
