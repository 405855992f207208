import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compressSegment, knownDurable, listLogDirectory } from '../src/files/index.js';
import { compressedSegmentFileName, segmentFileName } from '../src/index.js';
import { buildLog, FULL } from './helpers/build-segment.js';
import { flip, zero } from './helpers/vandal.js';

/** Two closed segments and an open one. */
const log = () =>
  buildLog([
    { sealed: [FULL, 30], closed: true },
    { sealed: [FULL, FULL, FULL], closed: true },
    { sealed: [FULL, FULL], tail: 100, capacityBlocks: 5 },
  ]);
type Log = ReturnType<typeof log>;

/** The position that stands for a missing `wal_meta.dat`. */
function derive(segments: Log, packed = -1) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'fswal-format-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  for (const { segmentIndex, bytes } of segments) {
    if (segmentIndex !== packed) fs.writeFileSync(join(dir, segmentFileName(segmentIndex)), bytes);
    else fs.writeFileSync(join(dir, compressedSegmentFileName(segmentIndex)), compressSegment(bytes));
  }
  const { position, report } = knownDurable(dir, { missing: 'none' }, listLogDirectory(dir).segments);
  return { segmentIndex: position.segmentIndex, eventId: position.eventId, note: report.note };
}

const idAt = (segments: Log, segment: number, event: number) => segments[segment]?.ids.at(event);

test('is the end of the newest closed segment', () => {
  const segments = log();
  expect(derive(segments)).toMatchObject({ segmentIndex: 2, eventId: idAt(segments, 1, -1) });
});

test.each([
  ['closed', 1, -1, -1],
  ['closed and compressed', 1, 1, -1],
  ['open, up to its unsealed block', 2, -1, -101],
  ['the only one, and closed', 0, -1, -1],
])('a segment whose header has rotted is not passed over: %s', (_, segment, packed, last) => {
  const segments = log().slice(0, segment + 1);
  flip((segments[segment] as Log[number]).bytes, 20);
  expect(derive(segments, packed)).toMatchObject({
    segmentIndex: segment + 1,
    eventId: idAt(segments, segment, last),
    note: expect.stringContaining('of which the header is damaged'),
  });
});

test.each([
  ['lost its first page', (bytes: Uint8Array) => zero(bytes, 0, 4096)],
  ['lost its first sector', (bytes: Uint8Array) => zero(bytes, 0, 512)],
  ['was never written', (bytes: Uint8Array) => zero(bytes, 0, bytes.length)],
  [
    'holds the events of a segment that it was before',
    (bytes: Uint8Array) => {
      bytes.set(log()[0].bytes);
      flip(bytes, 20);
    },
  ],
])('a segment that %s may be torn: the one before it counts', (_, harm) => {
  const segments = log();
  harm(segments[2].bytes);
  expect(derive(segments)).toMatchObject({ segmentIndex: 2, eventId: idAt(segments, 1, -1) });
});
