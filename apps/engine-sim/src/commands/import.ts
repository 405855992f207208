import { InvalidArgumentError } from 'commander';
import { MalformedInputError } from '../import/faults.js';
import { type ImportResult, type MarketDataFormat, runImport } from '../import/import-run.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, type Output, type Row } from './output.js';

export const IMPORT_HELP = `
lobster: the six columns of a LOBSTER message file. itch: Nasdaq TotalView-ITCH 5.0, each message with its length before it.
Either may be packed with gzip. Submissions become limit orders, cancellations changes of quantity, deletions cancels,
replaced orders changes of price, and executions market orders from the other side.
Here, exit status 1 means that some of the input was malformed: it was passed over or, with --on-error stop, ended the
import, and then no flow file is written.`;

export const ON_ERROR = ['skip', 'stop'] as const;

export interface ImportOptions {
  readonly format: MarketDataFormat;
  readonly out: string;
  readonly instrument?: number;
  readonly symbol?: readonly string[];
  readonly tick: number;
  readonly users: number;
  readonly date: bigint;
  readonly onError: (typeof ON_ERROR)[number];
  readonly maxReports: number;
}

/** Makes a flow file of public market data. Ctrl-C ends it, and then there is none. */
export function importFlow(
  options: ImportOptions,
  output: Output,
  [file]: readonly string[],
): Promise<ExitStatus> {
  const { format, out, instrument, symbol: symbols } = options;
  if (format === 'lobster' && symbols !== undefined) throw new Error('--symbol is for --format itch alone');
  if (format === 'itch' && instrument !== undefined)
    throw new Error('--instrument is for --format lobster alone');
  return interruptible(async (signal) => {
    try {
      const result = await runImport({
        ...options,
        file,
        instrument: instrument ?? 0,
        symbols,
        midnightNs: options.date,
        stopOnFault: options.onError === 'stop',
        say: (line) => output.say(line),
        onProgress: (bytes, messages) =>
          output.progress(() => `${(bytes / 1e6).toFixed(0)} MB, ${formatCount(messages)} messages`),
        signal,
      });
      if (result === undefined) return ExitStatus.Interrupted;
      output.result({ format, file, flow: out, ...result }, titleOf(result, file, out), rowsOf(result));
      return result.malformed === 0 ? ExitStatus.Sound : ExitStatus.Damaged;
    } catch (error) {
      if (!(error instanceof MalformedInputError)) throw error;
      output.fail(`${error.message}. The import ends here, and there is no flow file`);
      return ExitStatus.Damaged;
    }
  });
}

function titleOf({ requests }: ImportResult, file: string, out: string): string {
  return `Imported ${formatCount(requests)} requests from ${file} into ${out}`;
}

function rowsOf(result: ImportResult): Row[] {
  const { newOrders, executions, priceChanges, quantityChanges, cancels } = result;
  const counts: [string, number][] = [
    ['messages', result.messages],
    ['malformed', result.malformed],
    ['about unknown orders', result.unknownOrders],
    ...Object.entries(result.skipped),
    ['prices out of range', result.pricesOutOfRange],
    ['prices rounded', result.pricesRounded],
    ['new limit orders', newOrders],
    ['market orders', executions],
    ['changes of price', priceChanges],
    ['changes of quantity', quantityChanges],
    ['cancels', cancels],
  ];
  const symbols = Object.entries(result.symbols).map(([symbol, instrument]) => `${symbol} ${instrument}`);
  const rows = counts.map(([name, count]): Row => [name, formatCount(count)]);
  return symbols.length === 0 ? rows : [...rows, ['instruments', symbols.join(', ')]];
}

/** `AAPL` or `AAPL,MSFT`: symbols of the stock directory. */
export function parseSymbols(text: string): string[] {
  const symbols = text.split(',');
  if (symbols.every((symbol) => /^[!-~]{1,8}$/.test(symbol))) return symbols;
  throw new InvalidArgumentError('It must be symbols of 1 to 8 characters, with commas between them.');
}

/** `2012-06-21`, as the nanoseconds from 1970 to its midnight. */
export function parseDate(text: string): bigint {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // A day that the month does not have is another one to Date.
  if (Number.isNaN(ms) || ms < 0 || new Date(ms).toISOString().slice(0, 10) !== text) {
    throw new InvalidArgumentError('It must be a day from 1970 on, such as 2012-06-21.');
  }
  return BigInt(ms) * 1_000_000n;
}
