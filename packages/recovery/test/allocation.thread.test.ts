import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildLog, full, writeMeta } from './helpers/log-builder.js';

const SEGMENTS = 16;

it('replays events and blocks, over many segments, without allocating and without a collection', () => {
  const segments = Array.from({ length: SEGMENTS }, () => ({ blocks: full(64) }));
  const log = buildLog({ segments, blocksPerSegment: 64 });
  writeMeta(log);
  const script = fileURLToPath(new URL('./support/allocation-run.mjs', import.meta.url));
  const output = execFileSync(process.execPath, [script, log.dir, String(SEGMENTS)], { encoding: 'utf8' });
  const nothing = { events: log.ids.length, collections: 0, bytesPerEvent: 0 };
  expect(JSON.parse(output)).toEqual({ next: nothing, nextBlock: nothing });
});
