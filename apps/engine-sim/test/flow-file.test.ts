import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestEvent } from '@fswal/format';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, CHUNK_REQUESTS, FLOW_HEADER_BYTES, FlowFileError } from '../src/flow/flow-file.js';
import { FlowFileWriter } from '../src/flow/flow-file-writer.js';
import { OrderFlow } from '../src/flow/order-flow.js';
import { RecordedFlow } from '../src/flow/recorded-flow.js';

const SEED = 6;

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  file = join(dir, 'a.flow');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Writes the first requests of the flow, and returns it again from its start. */
function written(count: number): OrderFlow {
  const writer = new FlowFileWriter(file);
  const flow = new OrderFlow(SEED);
  const event = new RequestEvent();
  for (let i = 0; i < count; i++) {
    flow.next(event);
    writer.add(event);
  }
  writer.finish();
  return new OrderFlow(SEED);
}

/** The error that reading all of the file ends with. */
function failure(): FlowFileError {
  try {
    const flow = new RecordedFlow(file);
    const event = new RequestEvent();
    while (flow.count < flow.length) flow.next(event);
  } catch (error) {
    if (error instanceof FlowFileError) return error;
    throw error;
  }
  throw new Error('it is sound');
}

describe('a flow file', () => {
  it.each([0, 1, CHUNK_REQUESTS - 1, CHUNK_REQUESTS, CHUNK_REQUESTS + 1, 3 * CHUNK_REQUESTS + 7])(
    'of %d requests is played as it was written, at the same times',
    (count) => {
      const flow = written(count);
      const played = new RecordedFlow(file);
      const [a, b] = [new RequestEvent(), new RequestEvent()];
      let openingNs = 0;
      expect([played.count, played.length]).toEqual([0, count]);
      for (let i = 1; i <= count; i++) {
        a.eventId = flow.next(a);
        b.eventId = played.next(b);
        if (i === 1) openingNs = flow.elapsedNs;
        if (Buffer.compare(a.bytes, b.bytes) !== 0) expect.fail(`request ${i} differs`);
        if (played.elapsedNs !== flow.elapsedNs - openingNs)
          expect.fail(`request ${i} comes at another time`);
      }
      expect(() => played.next(b)).toThrow(`ends with request ${count}`);
      expect(readdirSync(dir)).toEqual(['a.flow']);
    },
  );

  it('leaves the id to who commits it', () => {
    written(1);
    const event = RequestEvent.from({ eventId: 99 });
    expect(new RecordedFlow(file).next(event)).toBe(1);
    expect(event.eventId).toBe(99);
  });

  it('goes on after a skip, however far, as if the requests had been played', () => {
    const flow = written(20_000);
    const played = new RecordedFlow(file);
    const [a, b] = [new RequestEvent(), new RequestEvent()];
    for (const count of [0, 1, 5000, CHUNK_REQUESTS, 9000]) {
      flow.skip(count, a);
      played.skip(count, b);
      expect(played.count).toBe(flow.count);
      expect(played.next(b)).toBe(flow.next(a));
      expect(b.bytes).toEqual(a.bytes);
    }
    expect(() => played.skip(20_000, b)).toThrow(RangeError);
  });

  it('is not there before it is whole, and never if it is discarded', () => {
    const writer = new FlowFileWriter(file);
    writer.add(new RequestEvent());
    expect(existsSync(file)).toBe(false);
    writer.discard();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('takes the place of an older one only when it is whole', () => {
    writeFileSync(file, '');
    written(3);
    const writer = new FlowFileWriter(file);
    writer.add(new RequestEvent());
    expect(new RecordedFlow(file).length).toBe(3);
    writer.finish();
    expect(new RecordedFlow(file).length).toBe(1);
  });

  it('is not written where something else is, or no directory', () => {
    for (const content of ['a', 'something that somebody needs '.repeat(9)]) {
      writeFileSync(file, content);
      expect(() => new FlowFileWriter(file)).toThrow('what is there is no flow file: it is not replaced');
      expect(readFileSync(file, 'utf8')).toBe(content);
    }
    rmSync(file);
    mkdirSync(file);
    expect(() => new FlowFileWriter(file)).toThrow('OPEN_FAILED: what is there is no flow file');
    expect(() => new RecordedFlow(file)).toThrow('OPEN_FAILED: it is not a regular file');
    expect(() => new FlowFileWriter(join(dir, 'none', 'a.flow'))).toThrow(FlowFileError);
    expect(() => new RecordedFlow(join(dir, 'none'))).toThrow('OPEN_FAILED');
  });

  it('is not waited for where a fifo is', () => {
    execFileSync('mkfifo', [file]);
    expect(() => new FlowFileWriter(file)).toThrow('OPEN_FAILED: what is there is no flow file');
    expect(() => new RecordedFlow(file)).toThrow('OPEN_FAILED: it is not a regular file');
  });
});

describe('a damaged flow file', () => {
  it.each([
    [0, 'NOT_A_FLOW', 0],
    [4, 'VERSION_UNKNOWN', 4],
    [8, 'CHECKSUM_MISMATCH', 0],
    [16, 'CHECKSUM_MISMATCH', 0],
    [24, 'CHECKSUM_MISMATCH', 0],
    [32, 'CHECKSUM_MISMATCH', 0],
    [63, 'CHECKSUM_MISMATCH', 0],
    [FLOW_HEADER_BYTES, 'CHECKSUM_MISMATCH', FLOW_HEADER_BYTES],
    [FLOW_HEADER_BYTES + CHUNK_BYTES - 1, 'CHECKSUM_MISMATCH', FLOW_HEADER_BYTES],
    [FLOW_HEADER_BYTES + CHUNK_BYTES, 'CHECKSUM_MISMATCH', FLOW_HEADER_BYTES + CHUNK_BYTES],
    [FLOW_HEADER_BYTES + 5000 * 64, 'CHECKSUM_MISMATCH', FLOW_HEADER_BYTES + 5000 * 64],
  ])('at byte %d is %s at offset %d', (at, code, offset) => {
    written(5000);
    const bytes = readFileSync(file);
    bytes[at] ^= 0x10;
    writeFileSync(file, bytes);
    const error = failure();
    expect([error.code, error.offset, error.file]).toEqual([code, offset, file]);
    expect(error.message).toContain(`offset ${offset}`);
  });

  it('delivers the chunks before the damage and nothing of what follows', () => {
    written(10_000);
    const bytes = readFileSync(file);
    bytes[FLOW_HEADER_BYTES + CHUNK_BYTES + 5] ^= 1;
    writeFileSync(file, bytes);
    const flow = new RecordedFlow(file);
    const event = new RequestEvent();
    while (flow.count < CHUNK_REQUESTS) flow.next(event);
    expect(() => flow.next(event)).toThrow('the requests from 4097 to 8192 are damaged');
  });

  it('is of the wrong size wherever it is cut, or longer', () => {
    written(20);
    const whole = readFileSync(file);
    for (let size = whole.length - 1; size >= 0; size--) {
      truncateSync(file, size);
      expect(failure()).toMatchObject({ code: 'WRONG_SIZE', offset: size });
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.alloc(3)]));
    expect(failure()).toMatchObject({ code: 'WRONG_SIZE', offset: whole.length });
  });
});
