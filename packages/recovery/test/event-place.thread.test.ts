import { blockOffset, eventOffset } from '@fswal/format';
import { readBootId } from '@fswal/format/files';
import { expect, it } from 'vitest';
import { RecoveryManager } from '../dist/index.js';
import { buildLog, full, idsAfter, writeMeta, writeRing } from './helpers/log-builder.js';

const SEGMENT_EVENTS = 16 * 256;

it('place says where the current event lies, and nothing of one that only the tail ring holds', async () => {
  const log = buildLog({ segments: [{ blocks: full(16) }, { blocks: [256, 5], tail: 40 }] });
  writeMeta(log, 0);
  const ids = idsAfter(log.lastId, 3);
  writeRing(log.dir, { tailBlocks: 4, afterEventId: log.lastId, link: log.link, ids, bootId: readBootId() });
  const recovery = await RecoveryManager.open({ dir: log.dir });
  const placeOf = (segmentIndex: number, block: number, event: number) => ({
    segmentIndex,
    block,
    offset: blockOffset(block) + eventOffset(event),
  });
  expect(recovery.place).toBeUndefined();
  recovery.next();
  expect(recovery.place).toEqual(placeOf(0, 0, 0));
  recovery.seek(SEGMENT_EVENTS + 256 + 3);
  expect(recovery.place).toEqual(placeOf(1, 1, 2));
  recovery.nextBlock();
  expect(recovery.place).toEqual(placeOf(1, 1, 4));
  recovery.seek(log.lastId);
  expect(recovery.place).toEqual(placeOf(1, 2, 39));
  recovery.seek(log.lastId + 1n);
  expect(recovery.place).toBeUndefined();
  await recovery.close();
  expect(recovery.place).toBeUndefined();
});
