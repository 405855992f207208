import { createRequire } from 'node:module';
import { WalError } from '@fswal/format';
import { loadLibc } from './libc.js';
import { LibcProvider } from './libc-provider.js';
import { loadMmapIo } from './mmap-io.js';
import { MmapIoProvider } from './mmap-io-provider.js';
import { type MmapProvider, ProviderName } from './provider.js';
import type { Require } from './require.js';

const INSTALL: Record<ProviderName, string> = {
  libc: 'libc needs koffi (npm install koffi) on Linux or macOS, 64 bits',
  'mmap-io': 'mmap-io needs a compiler (npm install mmap-io@npm:@riaskov/mmap-io)',
};

/** One of each in a thread: a provider keeps account of what its thread holds. */
const loaded = new Map<ProviderName, MmapProvider>();

/**
 * The provider by that name; else the one that the environment variable FSWAL_MMAP names; else libc, or mmap-io where
 * koffi does not load. Native code is loaded by the first call, not by importing the package.
 *
 * @throws WalError OPEN_FAILED for an unknown name, and where nothing loads: the message says what to install
 */
export function loadProvider(name?: ProviderName): MmapProvider {
  return selectProvider(
    name ?? (process.env.FSWAL_MMAP || undefined),
    createRequire(import.meta.url),
    loaded,
  );
}

/** `loadProvider` without its surroundings. `cache` is read and added to. */
export function selectProvider(
  name: string | undefined,
  require: Require,
  cache: Map<ProviderName, MmapProvider>,
): MmapProvider {
  const known = Object.values(ProviderName);
  const candidates = name === undefined ? known : known.filter((each) => each === name);
  if (candidates.length === 0) {
    throw new WalError('OPEN_FAILED', `no provider is called '${name}': ${known.join(' and ')} are`);
  }
  const failures: unknown[] = [];
  for (const candidate of candidates) {
    try {
      const provider = cache.get(candidate) ?? create(candidate, require);
      cache.set(candidate, provider);
      return provider;
    } catch (error) {
      failures.push(error);
    }
  }
  const reasons = candidates.map((candidate, i) => `${INSTALL[candidate]}, but: ${firstLine(failures[i])}`);
  throw new WalError('OPEN_FAILED', `no mmap provider loads. ${reasons.join('; ')}`, {
    cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
  });
}

function create(name: ProviderName, require: Require): MmapProvider {
  return name === 'libc' ? new LibcProvider(loadLibc(require)) : new MmapIoProvider(loadMmapIo(require));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
