import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('moves millions of records, copied and in place, without allocating and without a collection', () => {
  const script = fileURLToPath(new URL('./support/allocation-run.mjs', import.meta.url));
  const result = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }));
  expect(result).toEqual({
    SpscRing: { collections: 0, bytesPerRecord: 0 },
    SpmcRing: { collections: 0, bytesPerRecord: 0 },
  });
});
