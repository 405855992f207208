import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { RequestEvent } from '@fswal/format';
import { InvalidArgumentError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDate, parseSymbols } from '../src/commands/import.js';
import { RecordedFlow } from '../src/flow/recorded-flow.js';
import { type ImportResult, type ImportRunOptions, runImport } from '../src/import/import-run.js';
import { MarketDataFileError, readMarketData } from '../src/import/market-data-file.js';
import { itchAdd, itchListed } from './market-data.js';

const LINES = '1.5,1,70,100,1000000,1\nbad\n2.5,3,70,100,1000000,1\n';

let dir: string;
let file: string;
let out: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
  file = join(dir, 'data');
  out = join(dir, 'a.flow');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function run(
  bytes: string | Buffer,
  options: Partial<ImportRunOptions> = {},
): Promise<ImportResult | undefined> {
  writeFileSync(file, bytes);
  return runImport({
    format: 'lobster',
    file,
    out,
    instrument: 0,
    tick: 100,
    users: 10,
    midnightNs: 0n,
    stopOnFault: false,
    maxReports: 5,
    say: () => {},
    onProgress: () => {},
    signal: new AbortController().signal,
    ...options,
  });
}

async function bytesOf(content: string | Buffer): Promise<Buffer> {
  writeFileSync(file, content);
  const pieces: Buffer[] = [];
  for await (const piece of readMarketData(file)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('an import', () => {
  it('writes a flow file of all that is sound, and says what was not', async () => {
    const said: string[] = [];
    const result = await run(LINES, { say: (line) => said.push(line) });
    expect(result).toEqual({
      messages: 3,
      requests: 2,
      malformed: 1,
      newOrders: 1,
      priceChanges: 0,
      quantityChanges: 0,
      cancels: 1,
      executions: 0,
      unknownOrders: 0,
      pricesOutOfRange: 0,
      pricesRounded: 0,
      skipped: {},
      symbols: {},
    });
    expect(said).toEqual([`${file}, line 2: it has 1 columns, not 6`]);
    const flow = new RecordedFlow(out);
    const event = new RequestEvent();
    flow.skip(2, event);
    expect([flow.length, flow.elapsedNs, event.timestamp]).toEqual([2, 1e9, 2_500_000_000n]);
  });

  it('leaves no file where a fault ends it, where it is aborted, or where a symbol is not there', async () => {
    await expect(run(LINES, { stopOnFault: true })).rejects.toThrow(`${file}, line 2: it has 1 columns`);
    const controller = new AbortController();
    controller.abort();
    expect(await run(LINES, { signal: controller.signal })).toBeUndefined();
    const symbols = ['AAPL', 'NONE'];
    await expect(run(itchListed(1, 'AAPL'), { format: 'itch', symbols })).rejects.toThrow(
      'no stock directory message names NONE',
    );
    await expect(run(gzipSync(LINES).subarray(0, 20))).rejects.toThrow('cut short');
    expect(readdirSync(dir)).toEqual(['data']);
  });

  it('says which instruments the symbols are that it was told to import', async () => {
    const data = Buffer.concat([itchListed(9, 'A'), itchListed(7, 'B'), itchAdd(7, 1, 'B', 5, 1_000_000)]);
    const result = await run(data, { format: 'itch', symbols: ['B'] });
    expect(result).toMatchObject({ requests: 1, symbols: { B: 7 } });
  });

  it('says how far it has come', async () => {
    const progress: number[][] = [];
    await run(LINES, { onProgress: (...counts) => progress.push(counts) });
    expect(progress).toEqual([[LINES.length, 3]]);
  });
});

describe('market data files', () => {
  const text = Array.from({ length: 50_000 }, (_, i) => `line ${i}`).join('\n');

  it('come as they are, of any size', async () => {
    for (const content of ['', 'x', 'xy', text]) expect(String(await bytesOf(content))).toBe(content);
  });

  it('are unpacked, also where several gzip files follow each other', async () => {
    expect(String(await bytesOf(gzipSync(text)))).toBe(text);
    expect(String(await bytesOf(Buffer.concat([gzipSync('one'), gzipSync('two')])))).toBe('onetwo');
    expect(String(await bytesOf(gzipSync('')))).toBe('');
  });

  it('are refused where they are cut short, wherever that is', async () => {
    const packed = gzipSync('some market data, some market data');
    for (let size = 2; size < packed.length; size++) {
      await expect(bytesOf(packed.subarray(0, size))).rejects.toThrow(
        `${file}: the gzip file ends too early`,
      );
    }
  });

  it('are refused where they are damaged', async () => {
    const packed = gzipSync(text);
    packed[packed.length >> 1] ^= 0xff;
    await expect(bytesOf(packed)).rejects.toThrow(`${file}: the gzip file is damaged`);
    packed.fill(0xff, 2, 12);
    await expect(bytesOf(packed)).rejects.toThrow(MarketDataFileError);
  });

  it('are refused where they would unpack to far more than market data does', async () => {
    writeFileSync(file, gzipSync(Buffer.alloc(200e6), { level: 9 }));
    let bytes = 0;
    const readAll = async () => {
      for await (const piece of readMarketData(file)) bytes += piece.length;
    };
    await expect(readAll()).rejects.toThrow('unpacks to more than 100 times its size');
    expect(bytes).toBeLessThan(100e6);
  });

  it('are refused where there is none', async () => {
    const read = async (path: string) => {
      for await (const _ of readMarketData(path)) expect.fail('it has bytes');
    };
    await expect(read(join(dir, 'none'))).rejects.toThrow(MarketDataFileError);
    await expect(read(dir)).rejects.toThrow(MarketDataFileError);
    expect(existsSync(out)).toBe(false);
  });
});

describe('the options of an import', () => {
  it('take days that there are', () => {
    expect(parseDate('1970-01-02')).toBe(86_400_000_000_000n);
    expect(parseDate('2012-02-29')).toBe(BigInt(Date.UTC(2012, 1, 29)) * 1_000_000n);
    for (const text of ['', '2013-02-29', '2012-13-01', '1969-12-31', '12-01-01', '2012-02-29T00:00']) {
      expect(() => parseDate(text)).toThrow(InvalidArgumentError);
    }
  });

  it('take symbols', () => {
    expect(parseSymbols('AAPL,BRK.A')).toEqual(['AAPL', 'BRK.A']);
    for (const text of ['', 'AAPL,', 'TOOLONGSYM', 'A B']) {
      expect(() => parseSymbols(text)).toThrow(InvalidArgumentError);
    }
  });
});
