import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { loadProvider } from '../src/index.js';
import { selectProvider } from '../src/load-provider.js';
import { failure, mmapIoLoads } from './helpers.js';

/** A require that has these modules only. */
function having(...names: string[]) {
  return (name: string): unknown => {
    if (names.includes(name)) return { load: () => ({ func: () => () => 0 }) };
    throw new Error(`Cannot find module '${name}'\nRequire stack: ...`);
  };
}

describe('loadProvider', () => {
  const env = process.env.FSWAL_MMAP;
  afterEach(() => {
    if (env === undefined) delete process.env.FSWAL_MMAP;
    else process.env.FSWAL_MMAP = env;
  });

  test('gives libc unless told otherwise', () => {
    delete process.env.FSWAL_MMAP;
    expect(loadProvider().name).toBe('libc');
    process.env.FSWAL_MMAP = '';
    expect(loadProvider().name).toBe('libc');
  });

  test.skipIf(!mmapIoLoads())('gives what FSWAL_MMAP names, and before that what the caller names', () => {
    process.env.FSWAL_MMAP = 'mmap-io';
    expect(loadProvider().name).toBe('mmap-io');
    expect(loadProvider('libc').name).toBe('libc');
  });

  test('gives the same provider again', () => {
    expect(loadProvider('libc')).toBe(loadProvider('libc'));
  });

  test('falls back to mmap-io where koffi does not load, but not where libc was asked for', async () => {
    expect(selectProvider(undefined, having('mmap-io'), new Map()).name).toBe('mmap-io');
    expect(selectProvider(undefined, having('koffi', 'mmap-io'), new Map()).name).toBe('libc');
    const error = await failure(() => selectProvider('libc', having('mmap-io'), new Map()));
    expect(error.code).toBe('OPEN_FAILED');
    expect(error.message).toContain('npm install koffi');
    expect(error.message).not.toContain('npm install mmap-io');
  });

  test('says what to install where nothing loads', async () => {
    const error = await failure(() => selectProvider(undefined, having(), new Map()));
    expect(error.code).toBe('OPEN_FAILED');
    expect(error.message).toContain('npm install koffi');
    expect(error.message).toContain('npm install mmap-io@npm:@riaskov/mmap-io');
    expect(error.message).toContain("Cannot find module 'koffi'");
    expect(error.message).not.toContain('Require stack');
    expect((error.cause as AggregateError).errors).toHaveLength(2);
  });

  test('refuses a name it does not know', async () => {
    process.env.FSWAL_MMAP = 'windows';
    const error = await failure(() => loadProvider());
    expect(error.code).toBe('OPEN_FAILED');
    expect(error.message).toContain("'windows': libc and mmap-io are");
  });

  test('is what loads native code, not the import of the package', () => {
    const entry = new URL('../dist/index.js', import.meta.url).href;
    const script = `
      const { loadProvider } = await import('${entry}');
      const native = () => process.report.getReport().sharedObjects.some((path) => /koffi|mmap_io/.test(path));
      const before = native();
      loadProvider('libc');
      console.log(JSON.stringify([before, native()]));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toEqual([false, true]);
  });
});
