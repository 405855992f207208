import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadProvider, type MmapProvider } from '../src/index.js';
import {
  describeProviders,
  descriptorsUnder,
  failure,
  killed,
  mmapIoLoads,
  newDir,
  openDescriptors,
  startChild,
  startWorker,
} from './helpers.js';

async function lock(provider: MmapProvider, dir: string) {
  const held = await provider.lockDirectory(dir);
  onTestFinished(() => held.release());
  return held;
}

describeProviders('the directory lock', (provider) => {
  test('refuses a second holder in the same thread', async () => {
    const dir = newDir();
    await lock(provider, dir);
    const error = await failure(() => lock(provider, dir));
    expect(error.code).toBe('DIRECTORY_LOCKED');
    expect(error.file).toBe(dir);
  });

  test('refuses a second holder that comes by an alias', async () => {
    const parent = newDir();
    const dir = join(parent, 'log');
    mkdirSync(dir);
    symlinkSync(dir, join(parent, 'link'));
    symlinkSync(join(parent, 'link'), join(parent, 'link2'));
    await lock(provider, join(parent, 'link'));
    for (const alias of [dir, join(parent, 'link2'), `${dir}/.`, join(dir, '..', 'log')]) {
      expect((await failure(() => lock(provider, alias))).code).toBe('DIRECTORY_LOCKED');
    }
  });

  test('refuses a second holder in another process and another thread', async () => {
    const dir = newDir();
    await lock(provider, dir);
    expect((await startChild('lock', provider.name, dir)).line).toBe('DIRECTORY_LOCKED');
    expect((await startWorker('lock', [provider.name, dir])).message).toBe('DIRECTORY_LOCKED');
  });

  test('is free again when the process that held it is killed', async () => {
    const dir = newDir();
    const { child, line } = await startChild('lock', provider.name, dir);
    expect(line).toBe('locked');
    expect((await failure(() => lock(provider, dir))).code).toBe('DIRECTORY_LOCKED');
    await killed(child);
    await lock(provider, dir);
  });

  test('holds while the process that has it is stopped', async () => {
    const dir = newDir();
    const { child } = await startChild('lock', provider.name, dir);
    child.kill('SIGSTOP');
    expect((await failure(() => lock(provider, dir))).code).toBe('DIRECTORY_LOCKED');
    child.kill('SIGCONT');
  });

  test.each(['ends', 'is terminated'])('is free again when the thread that held it %s', async (how) => {
    const dir = newDir();
    const { worker, message } = await startWorker('lock', [provider.name, dir]);
    expect(message).toBe('locked');
    expect((await failure(() => lock(provider, dir))).code).toBe('DIRECTORY_LOCKED');
    if (how === 'is terminated') {
      await worker.terminate();
    } else {
      const exited = once(worker, 'exit');
      worker.postMessage('end');
      await exited;
    }
    await lock(provider, dir);
  });

  test('is free again once released, and releasing twice frees nobody else', async () => {
    const dir = newDir();
    const first = await lock(provider, dir);
    first.release();
    await lock(provider, dir);
    first.release();
    expect((await failure(() => lock(provider, dir))).code).toBe('DIRECTORY_LOCKED');
  });

  test('is not inherited by a child process', async () => {
    const dir = newDir();
    const held = await lock(provider, dir);
    const child = spawn('sleep', ['60'], { stdio: 'inherit' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    held.release();
    await lock(provider, dir);
  });

  test('does not keep the process alive', async () => {
    const { child } = await startChild('lock', provider.name, newDir());
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('refuses what is not a directory', async () => {
    const dir = newDir();
    writeFileSync(join(dir, 'file'), '');
    const missing = await failure(() => lock(provider, join(dir, 'missing')));
    expect(missing.code).toBe('DIRECTORY_NOT_FOUND');
    expect(missing.message).toContain('ENOENT');
    expect((await failure(() => lock(provider, join(dir, 'file')))).code).toBe('DIRECTORY_NOT_FOUND');
  });

  test('puts no file in the directory and leaves no descriptor open', async () => {
    const dir = newDir();
    const before = openDescriptors();
    for (let i = 0; i < 100; i++) {
      const held = await provider.lockDirectory(dir);
      expect(readdirSync(dir)).toEqual([]);
      await failure(() => provider.lockDirectory(dir));
      held.release();
    }
    expect(descriptorsUnder(dir)).toEqual([]);
    expect(openDescriptors()).toBeLessThanOrEqual(before + 5);
  });

  test('goes with the directory, not with its name', async () => {
    const parent = newDir();
    const dir = join(parent, 'log');
    mkdirSync(dir);
    await lock(provider, dir);
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    await lock(provider, dir);
  });
});

describe.skipIf(!mmapIoLoads())(
  'the directory lock of two providers (SKIPPED where mmap-io does not load)',
  () => {
    test.each([
      ['libc', 'mmap-io'],
      ['mmap-io', 'libc'],
    ] as const)('of %s refuses %s', async (first, second) => {
      const dir = newDir();
      const held = await lock(loadProvider(first), dir);
      expect((await failure(() => lock(loadProvider(second), dir))).code).toBe('DIRECTORY_LOCKED');
      expect((await startChild('lock', second, dir)).line).toBe('DIRECTORY_LOCKED');
      expect((await startWorker('lock', [second, dir])).message).toBe('DIRECTORY_LOCKED');
      // Whoever was refused has left nothing behind.
      held.release();
      await lock(loadProvider(second), dir);
    });

    test('never has two holders, however they race', async () => {
      const dir = newDir();
      const providers = [loadProvider('libc'), loadProvider('mmap-io')];
      for (let round = 0; round < 100; round++) {
        const racers = Array.from({ length: 6 }, (_, i) => providers[(round + i) % 2]!.lockDirectory(dir));
        const held = (await Promise.allSettled(racers)).filter((result) => result.status === 'fulfilled');
        expect(held.length).toBeLessThanOrEqual(1);
        for (const { value } of held) value.release();
      }
    });
  },
);
