import { WalError } from '@fswal/format';
import { expect, it } from 'vitest';
import { fromPlainError, toPlainError } from '../src/plain-error.js';

it('a WalError stays what it is on its way from thread to thread', () => {
  const place = { file: 'FS.00000001.wal', block: 2, offset: 32_960, eventId: 512n };
  const error = new WalError('BLOCK_CHECKSUM_MISMATCH', 'the events are not those that were sealed', place);
  const { code, message, reason } = error;
  expect(fromPlainError(structuredClone(toPlainError(error)))).toMatchObject({
    code,
    message,
    reason,
    ...place,
  });
});

it('anything else is a failure of the worker, and its errno name is kept', () => {
  const cause = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  const error = fromPlainError(structuredClone(toPlainError(cause)));
  expect(error).toMatchObject({ code: 'WORKER_FAILED', cause: { code: 'ENOENT', message: 'no such file' } });
});
