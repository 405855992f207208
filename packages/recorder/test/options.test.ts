import { EventView, RequestEvent } from '@fswal/format';
import { describe, expect, test } from 'vitest';
import { checkOptions, type RecorderOptions } from '../src/options.js';

const check = (options: object) => checkOptions({ dir: 'log', ...options } as RecorderOptions);

describe('options', () => {
  test.each([
    [{ dir: '' }, TypeError, /dir/],
    [{ dir: 7 }, TypeError, /dir/],
    [{ blocksPerSegment: 15 }, RangeError, /16 to 130000/],
    [{ blocksPerSegment: 130_001 }, RangeError, /blocksPerSegment/],
    [{ blocksPerSegment: 16.5 }, RangeError, /blocksPerSegment/],
    [{ tailBlocks: 3 }, RangeError, /tailBlocks/],
    [{ formatVersion: 3 }, RangeError, /formatVersion/],
    [{ preparedSegments: 3 }, RangeError, /power of two/],
    [{ backpressureTimeoutMs: -1 }, RangeError, /backpressureTimeoutMs/],
    [{ view: Date }, TypeError, /EventView/],
    [{ telemetry: 1 }, TypeError, /telemetry: an object/],
    [{ telemetry: { sampleAppend: 1 } }, TypeError, /telemetry.sampleAppend: .*there is sampleAppends/],
    [{ telemetry: { sampleAppends: 1.5 } }, RangeError, /telemetry.sampleAppends/],
    [{ tailBlock: 64 }, TypeError, /option tailBlock: there is none of this name.*tailBlocks/],
  ])('%o is refused', (options, kind, message) => {
    expect(() => check(options)).toThrow(kind);
    expect(() => check(options)).toThrow(message);
  });

  test('have the defaults that the README tells', () => {
    expect(check({})).toMatchObject({
      blocksPerSegment: 1024,
      formatVersion: 2,
      tailBlocks: 2048,
      preparedSegments: 2,
      backpressureTimeoutMs: 1000,
      view: RequestEvent,
      sampleAppends: 4096,
    });
    expect(check({}).tailRingDir).toBe(check({}).dir);
  });

  test('take a class of views of your own', () => {
    class Own extends EventView {}
    expect(check({ view: Own }).view).toBe(Own);
  });
});
