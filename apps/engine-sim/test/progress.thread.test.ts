import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Output } from '../src/commands/output.js';
import { record } from '../src/commands/record.js';
import { recover } from '../src/commands/recover.js';

/** What comes out at both ends, by a clock that goes on by so many milliseconds at each look. */
function outputOf({
  isTTY = false,
  json = false,
  stepMs,
}: {
  isTTY?: boolean;
  json?: boolean;
  stepMs: number;
}) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof texts) => ({
    isTTY,
    write: (text: string) => {
      texts[name] += text;
    },
  });
  let now = 0;
  const output = new Output({
    json,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    now: () => {
      now += stepMs;
      return now;
    },
  });
  return { output, texts };
}

describe('progress', () => {
  it('is a plain line every two seconds where stderr is no terminal', () => {
    const { output, texts } = outputOf({ stepMs: 500 });
    for (let i = 1; i <= 12; i++) output.progress(() => `step ${i}`);
    expect(texts).toEqual({ stdout: '', stderr: 'step 4\nstep 8\nstep 12\n' });
  });

  it('is a line that replaces itself five times a second at a terminal, and makes room for others', () => {
    const { output, texts } = outputOf({ isTTY: true, stepMs: 100 });
    for (let i = 1; i <= 4; i++) output.progress(() => `step ${i}`);
    output.say('done');
    expect(texts.stderr).toBe('step 2\r\x1b[Kstep 4\r\x1b[Kdone\n');
  });
});

describe('a command that takes its time', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('says how far it has come, record and recover, replay and recording', async () => {
    const options = { dir, seed: 1, events: 140_000, blocks: 256 };
    const first = outputOf({ stepMs: 2000 });
    expect(await record(options, first.output)).toBe(0);
    expect(first.texts.stderr.split('\n')).toEqual([
      '65,536 of 140,000 events recorded',
      '131,072 of 140,000 events recorded',
      '140,000 of 140,000 events recorded',
      '',
    ]);

    const second = outputOf({ stepMs: 2000 });
    expect(await record({ ...options, events: 1000 }, second.output)).toBe(0);
    expect(second.texts.stderr.split('\n')).toEqual([
      '65,536 events of the log replayed',
      '131,072 events of the log replayed',
      'going on after event 140,000',
      '1,000 of 1,000 events recorded',
      '',
    ]);

    const recovered = outputOf({ stepMs: 2000, json: true });
    expect(await recover({ dir }, recovered.output)).toBe(0);
    expect(recovered.texts.stderr).toBe('65,536 events replayed\n131,072 events replayed\n');
    expect(JSON.parse(recovered.texts.stdout)).toMatchObject({ events: 141_000 });
  });
});
