// Opens one log with recovery and with a recorder, then another one, and says by how much its memory has grown.
//
//   node open-measured.js DIR_TO_WARM_UP DIR          writes { grownBytes, recovered, found } as JSON

import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';

const [warmUp, dir] = process.argv.slice(2);

async function openBoth(log) {
  const recovery = await RecoveryManager.open({ dir: log });
  let recovered = 0;
  while (recovery.next()) recovered++;
  await recovery.close();
  const recorder = await RecorderManager.open({
    dir: log,
    blocksPerSegment: 16,
    tailBlocks: 8,
    volatilePlace: 'allow',
  });
  const found = Number(recorder.metaState.eventId);
  await recorder.close();
  return { recovered, found };
}

/** The most that this process has ever had, in bytes. */
const peak = () => process.resourceUsage().maxRSS * 1024;

await openBoth(warmUp);
const before = peak();
const outcome = await openBoth(dir);
process.stdout.write(JSON.stringify({ grownBytes: peak() - before, ...outcome }));
