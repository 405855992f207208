import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeProviders, failure, LINUX, newDir, startChild, startWorker } from './helpers.js';

describeProviders('a mapping shared between threads', (provider) => {
  test('is the same memory in the other thread', async () => {
    const mapped = provider.createMapped(join(newDir(), 'file'), 4096);
    const words = new Int32Array(mapped.buffer);
    words[0] = 1;
    const { worker, message } = await startWorker('attach', mapped.share());
    expect(message).toBe(1);
    expect(Atomics.load(words, 1)).toBe(2);
    Atomics.store(words, 2, 3);
    const answer = once(worker, 'message');
    worker.postMessage('read');
    expect(await answer).toEqual([3]);
    expect(readFileSync(mapped.path).readInt32LE(4)).toBe(2);
  });

  test('takes atomic operations of several threads', async () => {
    const mapped = provider.createMapped(join(newDir(), 'file'), 4096);
    const workerData = { shared: mapped.share(), times: 200_000 };
    await Promise.all([startWorker('count-up', workerData), startWorker('count-up', workerData)]);
    expect(new Int32Array(mapped.buffer)[0]).toBe(400_000);
  });

  test('can be attached to in its own thread', () => {
    const mapped = provider.createMapped(join(newDir(), 'file'), 4096);
    const attached = provider.attach(mapped.share());
    new Uint8Array(attached.buffer)[5] = 5;
    expect(new Uint8Array(mapped.buffer)[5]).toBe(5);
    expect(attached.path).toBe(mapped.path);
    expect(attached.bytes).toBe(4096);
  });

  test.skipIf(!LINUX)('stays under every live view, and goes with the last', async () => {
    const { line } = await startChild('collect', provider.name, join(newDir(), 'file'));
    expect(JSON.parse(line)).toEqual({
      inReach: 1,
      outOfReach: 0,
      attachLate: provider.name === 'libc' ? expect.stringContaining('nobody kept it') : 'attached',
      workerExited: 1,
      bothGone: 0,
      workerAlone: 1,
      workerReads: 0,
    });
  });

  test('is refused where it was not made', async () => {
    const dir = newDir();
    const shared = provider.createMapped(join(dir, 'file'), 4096).share();
    if (shared.provider === 'libc') {
      const error = await failure(() => provider.attach({ ...shared, pid: shared.pid + 1 }));
      expect(error.code).toBe('OPEN_FAILED');
      const other = { provider: 'mmap-io', path: shared.path, bytes: 4096, device: 0n, inode: 0n } as const;
      expect((await failure(() => provider.attach(other))).code).toBe('OPEN_FAILED');
      return;
    }
    renameSync(shared.path, `${shared.path}.old`);
    expect((await failure(() => provider.attach(shared))).message).toContain('ENOENT');
    writeFileSync(shared.path, Buffer.alloc(4096));
    expect((await failure(() => provider.attach(shared))).message).toContain('no longer the file');
  });
});
