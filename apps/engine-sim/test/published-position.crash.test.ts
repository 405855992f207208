import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Phase, PublishedPosition } from '../src/log/published-position.js';

const DIST = new URL('../dist/log/published-position.js', import.meta.url).href;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the published position', () => {
  it('survives SIGKILL of the process that published it, to the last store', async () => {
    const path = join(dir, 'published');
    const published = PublishedPosition.create(path);
    const script = `
      const { PublishedPosition } = await import(${JSON.stringify(DIST)});
      const published = PublishedPosition.open(${JSON.stringify(path)});
      published.begin(2 ** 40 + 3);
      for (let i = 1; i <= 12345; i++) published.appended = i;
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: 'inherit',
      timeout: 30_000,
    });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    expect([published.phase, published.baseEventId, published.appended]).toEqual([
      Phase.Recording,
      2 ** 40 + 3,
      12_345,
    ]);
  });

  it('starts from nothing again after a reset', () => {
    const published = PublishedPosition.create(join(dir, 'published'));
    published.begin(5);
    published.appended = 6;
    published.end();
    expect(published.phase).toBe(Phase.Done);
    published.reset();
    expect([published.phase, published.baseEventId, published.appended]).toEqual([Phase.Opening, 0, 0]);
  });

  it('does not take over a file that is there already', () => {
    PublishedPosition.create(join(dir, 'published'));
    expect(() => PublishedPosition.create(join(dir, 'published'))).toThrow('FILE_ALREADY_EXISTS');
  });
});
