import { constants } from 'node:os';
import { WalError } from '@fswal/format';
import { describe, expect, test } from 'vitest';
import { asWalError, errnoName, syncDirectory, systemError } from '../src/index.js';
import { failure, newDir } from './helpers.js';

describe('asWalError', () => {
  test.each(['ENOSPC', 'EDQUOT'] as const)('calls %s a full disk, whatever was attempted', (name) => {
    const cause = systemError('write', constants.errno[name]);
    const error = asWalError('ROTATE_FAILED', 'cannot rotate', cause, '/log/file');
    expect(error.code).toBe('DISK_FULL');
    expect(error.cause).toBe(cause);
    expect(error.file).toBe('/log/file');
    expect(error.message).toContain(name);
  });

  test('knows the errnos that Node has no name for', () => {
    // As Node reports a write over quota.
    const cause = Object.assign(new Error('Unknown system error -122: Unknown system error -122, write'), {
      code: 'Unknown system error -122',
      errno: -constants.errno.EDQUOT,
      syscall: 'write',
    });
    const error = asWalError('WRITE_FAILED', 'cannot write', cause);
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toContain('EDQUOT');
  });

  test('never calls a failed sync anything else', () => {
    const cause = systemError('fdatasync', constants.errno.ENOSPC);
    expect(asWalError('FSYNC_FAILED', 'cannot sync', cause).code).toBe('FSYNC_FAILED');
    expect(asWalError('MSYNC_FAILED', 'cannot sync', cause).code).toBe('MSYNC_FAILED');
  });

  test('keeps the code it was given for other causes, and a WalError as it is', () => {
    expect(asWalError('READ_FAILED', 'cannot read', systemError('read', constants.errno.EIO)).code).toBe(
      'READ_FAILED',
    );
    expect(asWalError('READ_FAILED', 'cannot read', 'a string').message).toContain('a string');
    const error = new WalError('SEGMENT_GAP', 'a gap');
    expect(asWalError('READ_FAILED', 'cannot read', error)).toBe(error);
  });
});

describe('systemError', () => {
  test('has the shape of the errors that Node makes', () => {
    const error = systemError('flock', constants.errno.ENOLCK);
    expect(error).toMatchObject({ code: 'ENOLCK', errno: -constants.errno.ENOLCK, syscall: 'flock' });
    expect(error.message).toMatch(/^ENOLCK: .*, flock$/);
    expect(errnoName(error)).toBe('ENOLCK');
  });

  test('says the number of an errno that has no name', () => {
    expect(systemError('mmap', 9999).message).toContain('9999');
  });
});

describe('syncDirectory', () => {
  test('takes a directory and nothing else', async () => {
    const dir = newDir();
    syncDirectory(dir);
    const error = await failure(() => syncDirectory(`${dir}/missing`));
    expect(error.code).toBe('FSYNC_FAILED');
    expect(error.message).toContain('ENOENT');
  });
});
