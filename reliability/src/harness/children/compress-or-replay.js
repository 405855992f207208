// Records a log whose segments are compressed one by one, or replays one, and tells how the process grew meanwhile.
//
//   node compress-or-replay.js '{ "what": "compress" | "replay", "dir", "segments" }'
//
// One JSON line: { segments: that were compressed, or replayed, grew: bytes of RSS from a quarter of the way to the end }.
import { setTimeout as sleep } from 'node:timers/promises';
import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';
import { fillContent } from './formula.js';

const BLOCKS = 256;
const SEGMENT_EVENTS = BLOCKS * 256;
const { what, dir, segments } = JSON.parse(process.argv[2]);
const early = Math.floor(segments / 4);
let before = 0;

async function compress() {
  const recorder = await RecorderManager.open({
    dir,
    blocksPerSegment: BLOCKS,
    maxSegments: 1,
    maxCompressedSegments: segments,
    volatilePlace: 'allow',
  });
  let id = 0;
  for (let segment = 1; segment <= segments; segment++) {
    for (let n = 0; n < SEGMENT_EVENTS; n++) {
      const { words, base } = recorder.claim();
      fillContent(words, base, ++id);
      recorder.commit(id);
    }
    // Some behind, so that segments are compressed while others are written.
    while (recorder.telemetry.segment_maintainer.maintenance_compression.count < segment - 6) await sleep(5);
    if (segment === early) before = process.memoryUsage.rss();
  }
  const grew = process.memoryUsage.rss() - before;
  const frozen = recorder.telemetry.segment_maintainer.maintenance_compression.count;
  await recorder.close();
  return { segments: frozen, grew };
}

async function replay() {
  const recovery = await RecoveryManager.open({ dir, readAhead: 2 });
  let events = 0;
  while (recovery.next()) {
    if (++events === early * SEGMENT_EVENTS) before = process.memoryUsage.rss();
  }
  const grew = process.memoryUsage.rss() - before;
  await recovery.close();
  return { segments: events / SEGMENT_EVENTS, grew };
}

process.stdout.write(`${JSON.stringify(await (what === 'compress' ? compress() : replay()))}\n`);
