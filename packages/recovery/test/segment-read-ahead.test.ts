import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SegmentReadAhead } from '../src/segment-read-ahead.js';
import { tempDir } from './helpers/log-builder.js';

const MB = 2 ** 20;
const COLD_NS = MB;
const WARM_NS = MB / 8;

const segment = (name: string) => ({ name, segmentIndex: 0, compressed: false });
const descriptors = () => fs.readdirSync('/proc/self/fd').length;

function cold(dir: string): SegmentReadAhead {
  const readAhead = new SegmentReadAhead(dir);
  readAhead.sawRead(COLD_NS, MB);
  readAhead.sawRead(COLD_NS, MB);
  return readAhead;
}

describe('SegmentReadAhead', () => {
  afterEach(() => vi.restoreAllMocks());

  it('reads all of a file, and then closes it', async () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'a.wal'), new Uint8Array(MB + 1));
    const before = descriptors();
    const reads = vi.spyOn(fs, 'read');
    cold(dir).request(segment('a.wal'));
    const offsets = reads.mock.calls.map((call: unknown[]) => call[4]);
    expect(offsets).toEqual([0, 1, 2, 3, 4].map((chunk) => (chunk * MB) / 4));
    await expect.poll(descriptors).toBe(before);
  });

  it('leaves no descriptor open, and no word of what cannot be read', async () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'empty.wal'), '');
    execFileSync('mkfifo', [path.join(dir, 'fifo.wal')]);
    const before = descriptors();
    for (const name of ['empty.wal', 'fifo.wal', 'missing.wal']) cold(dir).request(segment(name));
    await expect.poll(descriptors).toBe(before);
  });

  it('does nothing while segments come from the page cache, or one in a while does not', () => {
    const opened = vi.spyOn(fs, 'openSync');
    const readAhead = new SegmentReadAhead('nowhere');
    for (const ns of [WARM_NS, COLD_NS, WARM_NS, COLD_NS, WARM_NS]) {
      readAhead.sawRead(ns, MB);
      readAhead.request(segment('a.wal'));
    }
    expect(opened).not.toHaveBeenCalled();
  });
});
