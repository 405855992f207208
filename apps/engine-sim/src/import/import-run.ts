import { FlowFileWriter } from '../flow/flow-file-writer.js';
import { Faults } from './faults.js';
import type { Feed } from './feed.js';
import { ItchFeed } from './itch-feed.js';
import { LobsterFeed } from './lobster-feed.js';
import { readMarketData } from './market-data-file.js';
import { OrderTranslator, type TranslatorCounts } from './order-translator.js';

export const MARKET_DATA_FORMATS = ['lobster', 'itch'] as const;
export type MarketDataFormat = (typeof MARKET_DATA_FORMATS)[number];

export interface ImportRunOptions {
  readonly format: MarketDataFormat;
  readonly file: string;
  /** The flow file to write. */
  readonly out: string;
  /** Of all requests, where the format knows of one instrument only. */
  readonly instrument: number;
  /** To import, where the format has symbols; undefined = all. */
  readonly symbols?: readonly string[] | undefined;
  readonly tick: number;
  readonly users: number;
  readonly midnightNs: bigint;
  readonly stopOnFault: boolean;
  readonly maxReports: number;
  readonly say: (line: string) => void;
  /** Called often, with the bytes, unpacked, and messages so far. */
  readonly onProgress: (bytes: number, messages: number) => void;
  readonly signal: AbortSignal;
}

/** What an import found. */
export interface ImportResult extends TranslatorCounts {
  readonly messages: number;
  readonly requests: number;
  readonly malformed: number;
  /** Messages that make no request, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Instruments by symbol, of the symbols that were asked for. */
  readonly symbols: Readonly<Record<string, number>>;
}

/**
 * Makes a flow file of market data.
 * @returns undefined when aborted, and then there is no file
 * @throws MarketDataFileError, FlowFileError; MalformedInputError where a fault is to end it; Error for a symbol that
 * the input does not have. There is no file then either.
 */
export async function runImport(options: ImportRunOptions): Promise<ImportResult | undefined> {
  const { file, stopOnFault: stop, maxReports, say } = options;
  const writer = new FlowFileWriter(options.out);
  try {
    const translator = new OrderTranslator({ ...options, write: (event) => writer.add(event) });
    const faults = new Faults({ file, stop, maxReports, say });
    const feed = createFeed(options, translator, faults);
    if (!(await feedAll(feed, options))) {
      writer.discard();
      return undefined;
    }
    const symbols = symbolsOf(feed, options.symbols);
    writer.finish();
    const { messages, skipped } = feed;
    const counts = { messages, requests: writer.requests, malformed: faults.count };
    return { ...counts, ...translator.counts, skipped, symbols };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

function createFeed(options: ImportRunOptions, translator: OrderTranslator, faults: Faults): Feed {
  return options.format === 'itch'
    ? new ItchFeed(translator, faults, options.symbols)
    : new LobsterFeed(translator, faults, options.instrument);
}

/** @returns whether it came to the end */
async function feedAll(feed: Feed, { file, onProgress, signal }: ImportRunOptions): Promise<boolean> {
  let bytes = 0;
  for await (const piece of readMarketData(file)) {
    if (signal.aborted) return false;
    feed.push(piece);
    bytes += piece.length;
    onProgress(bytes, feed.messages);
  }
  feed.end();
  return true;
}

function symbolsOf(feed: Feed, wanted: readonly string[] = []): Record<string, number> {
  if (!(feed instanceof ItchFeed)) return {};
  const missing = wanted.filter((symbol) => !feed.locates.has(symbol));
  if (missing.length > 0) throw new Error(`no stock directory message names ${missing.join(', ')}`);
  return Object.fromEntries(feed.locates);
}
