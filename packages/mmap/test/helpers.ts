import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { WalError } from '@fswal/format';
import { describe, onTestFinished } from 'vitest';
import { loadProvider, type MmapProvider, ProviderName } from '../src/index.js';

/** Runs the tests on both providers; one that does not load shows as a skipped suite that says so. */
export function describeProviders(what: string, tests: (provider: MmapProvider) => void): void {
  for (const name of Object.values(ProviderName)) {
    let provider: MmapProvider;
    try {
      provider = loadProvider(name);
    } catch (error) {
      describe.skip(`${what} [${name}: SKIPPED, ${(error as Error).message}]`, () =>
        tests(undefined as never));
      continue;
    }
    describe(`${what} [${name}]`, () => tests(provider));
  }
}

export function mmapIoLoads(): boolean {
  try {
    loadProvider('mmap-io');
    return true;
  } catch {
    return false;
  }
}

/** A new directory, removed after the test. */
export function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'fswal-mmap-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What `action` throws or rejects with. */
export async function failure(action: () => unknown): Promise<WalError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

/** Where /proc tells what is open and mapped. */
export const LINUX = process.platform === 'linux';

/** Descriptors of this process that are open on something under `dir`; [] where that cannot be known. */
export function descriptorsUnder(dir: string): string[] {
  return descriptors().filter((fd) => linkTarget(`/proc/self/fd/${fd}`).startsWith(dir));
}

/** How many descriptors this process has open; 0 where that cannot be known. */
export function openDescriptors(): number {
  return descriptors().length;
}

function descriptors(): string[] {
  return LINUX ? readdirSync('/proc/self/fd') : [];
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Runs test/children/NAME.js in a process of its own until it says its first line, and returns that too. */
export async function startChild(
  name: string,
  ...args: string[]
): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, ['--expose-gc', childPath(name), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface(child.stdout!)) return { child, line };
  throw new Error(`${name} said nothing`);
}

export function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Runs test/children/NAME.js in a worker thread until its first message, and returns that too. */
export function startWorker(
  name: string,
  workerData: unknown,
): Promise<{ worker: Worker; message: unknown }> {
  const worker = new Worker(childPath(name), { workerData });
  onTestFinished(() => void worker.terminate());
  return new Promise((resolve, reject) => {
    worker.once('message', (message) => resolve({ worker, message }));
    worker.once('error', reject);
  });
}

function childPath(name: string): string {
  return fileURLToPath(new URL(`children/${name}.js`, import.meta.url));
}

/** Mounts a tmpfs of that size for the test; undefined where this process may not. */
export function smallDisk(bytes: number): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'fswal-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir]).status === 0;
  onTestFinished(() => {
    if (mounted) spawnSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  return mounted ? dir : undefined;
}
