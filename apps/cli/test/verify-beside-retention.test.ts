import fs from 'node:fs';
import { expect, it } from 'vitest';
import type { Context } from '../src/commands/command.js';
import { verify } from '../src/commands/verify.js';
import { ExitStatus } from '../src/exit-status.js';
import { record, SEGMENT_EVENTS, segment } from './helpers/logs.js';

it('verify begins anew where retention took segments before they were read', async () => {
  const dir = await record(5 * SEGMENT_EVENTS);
  let printed: { status: string; events: number } | undefined;
  let beginnings = 0;
  const bar = {
    // Called when the first segment was read.
    update: () => {
      for (const index of [0, 1, 2]) fs.rmSync(segment(dir, index), { force: true });
    },
    stop: () => {},
  };
  const output = {
    progress: () => {
      beginnings++;
      return bar;
    },
    printJson: async (value: typeof printed) => {
      printed = value;
    },
    fail: () => {},
  };
  const context = { output, json: true } as unknown as Context;
  expect(await verify(dir, context)).toBe(ExitStatus.Sound);
  expect(printed).toMatchObject({ status: 'OK', events: 2 * SEGMENT_EVENTS });
  expect(beginnings).toBe(2);
});
