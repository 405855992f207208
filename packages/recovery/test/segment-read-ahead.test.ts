import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '@fswal/format';
import { loadProvider } from '@fswal/mmap';
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
    const readAhead = new SegmentReadAhead(dir);
    readAhead.request(segment('a.wal'));
    const before = fs.readdirSync('/proc/self/fd').length;
    for (const name of ['a.wal', 'fifo.wal', 'missing.wal']) readAhead.request(segment(name));
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('leaves none open where the hint is refused', () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 'a.wal'), 'content');
    const refusing = vi.spyOn(loadProvider(), 'willNeed').mockImplementation(() => {
      throw new WalError('READ_FAILED', 'refused');
    });
    const before = fs.readdirSync('/proc/self/fd').length;
    new SegmentReadAhead(dir).request(segment('a.wal'));
    expect(refusing).toHaveBeenCalled();
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
    refusing.mockRestore();
  });

  it('does nothing where no native code loads', () => {
    vi.stubEnv('FSWAL_MMAP', 'neither');
    const opened = vi.spyOn(fs, 'openSync');
    new SegmentReadAhead('nowhere').request(segment('a.wal'));
    expect(opened).not.toHaveBeenCalled();
    opened.mockRestore();
  });
});
