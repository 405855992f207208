import fs from 'node:fs';
import { expect, test } from 'vitest';
import { blockOffset, checksum, encodeMeta, eventOffset } from '../src/index.js';
import { goldenFile } from './helpers/golden.js';

const DOC = fs.readFileSync(new URL('../../../docs/log-format.md', import.meta.url), 'utf8');
const segment = goldenFile('contiguous/FS.00000002.wal');

test('the worked bytes of the format document are those of the golden file', () => {
  const lines = [...DOC.matchAll(/^ {4}([0-9a-f]{8}) {2}((?:[0-9a-f]{2} {1,2}){15}[0-9a-f]{2})/gm)];
  expect(lines.length).toBe(15);
  for (const [, offset, hex] of lines) {
    const at = Number.parseInt(offset, 16);
    expect(hex.replaceAll(' ', ''), offset).toBe(Buffer.from(segment.subarray(at, at + 16)).toString('hex'));
  }
});

test('so are those of its wal_meta.dat', () => {
  const offset = blockOffset(3) + eventOffset(10);
  const meta = encodeMeta({
    segmentIndex: 2,
    offset,
    eventId: 8970n,
    prefixChecksum: checksum(segment.subarray(blockOffset(3) + eventOffset(0), offset), 0n),
  });
  const lines = [...DOC.matchAll(/^ {4}((?:[0-9a-f]{2} {1,2}){7}[0-9a-f]{2}) {3}/gm)].map(
    (match) => match[1],
  );
  expect(lines.join('').replaceAll(' ', '')).toBe(Buffer.from(meta).toString('hex'));
});
