import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SegmentReadAhead } from '../src/segment-read-ahead.js';
import { tempDir } from './helpers/log-builder.js';

const segment = (name: string) => ({ name, segmentIndex: 0, compressed: false });

describe('SegmentReadAhead', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('leaves no descriptor open, and no word of what cannot be read', () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'a.wal'), 'content');
    execFileSync('mkfifo', [path.join(dir, 'fifo.wal')]);
    const readAhead = SegmentReadAhead.load(dir) as SegmentReadAhead;
    const before = fs.readdirSync('/proc/self/fd').length;
    for (const name of ['a.wal', 'fifo.wal', 'missing.wal']) readAhead.request(segment(name));
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('is not there where no native code loads', () => {
    vi.stubEnv('FSWAL_MMAP', 'neither');
    expect(SegmentReadAhead.load('nowhere')).toBeUndefined();
  });
});
