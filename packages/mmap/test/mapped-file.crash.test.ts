import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeProviders, killed, newDir, startChild } from './helpers.js';

describeProviders('a mapped file', (provider) => {
  test('holds every store of a process that was killed', async () => {
    const path = join(newDir(), 'file');
    const bytes = 1 << 20;
    const { child, line } = await startChild('store', provider.name, path, `${bytes}`, '123456789');
    expect(line).toBe('stored');
    await killed(child);
    const words = new Int32Array(Uint8Array.from(readFileSync(path)).buffer);
    expect(words.length).toBe(bytes / 4);
    expect(words.every((word) => word === 123456789)).toBe(true);
  });
});
