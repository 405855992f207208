import { createRequire } from 'node:module';
import { Command, Option } from 'commander';
import { bench } from './commands/bench.js';
import type { CommandResult, Context } from './commands/command.js';
import { compress } from './commands/compress.js';
import { dump } from './commands/dump.js';
import { expand } from './commands/expand.js';
import { inspect } from './commands/inspect.js';
import { repair } from './commands/repair.js';
import { seek } from './commands/seek.js';
import { tail } from './commands/tail.js';
import { verify } from './commands/verify.js';
import { ExitStatus } from './exit-status.js';
import { guarded } from './guarded.js';
import { EVENT_FORMATS } from './log/event-text.js';
import { Output } from './output.js';
import { parseBlocks, parseEvents, parseLimit, parseU64 } from './parse-options.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const EXIT_HELP = `
Exit status: 0 sound, 1 damaged (or the event is not there), 2 usage or I/O error, 130 interrupted.`;

const DEFAULT_LINES = 10;
const DEFAULT_BENCH_EVENTS = 4_000_000;
const DEFAULT_BLOCKS = 1024;

/** Runs one command line, without the leading `node fswal`. Resolves with the exit status; never rejects. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  const output = new Output();
  return guarded(() => run(args, output), args.includes('--json'), output);
}

async function run(args: readonly string[], output: Output): Promise<ExitStatus> {
  let status: ExitStatus = ExitStatus.Sound;
  const program = buildProgram(async (work, json) => {
    status = await work({ output, json });
  });
  await program.parseAsync(args, { from: 'user' });
  return status;
}

/** Runs a command. */
type Start = (work: (context: Context) => CommandResult, json: boolean) => Promise<void>;
/** What commander hands over for `--json`, which every command has. */
type WithJson<T> = T & { json?: boolean };

function buildProgram(start: Start): Command {
  const program = new Command('fswal')
    .description('Looks at, verifies, prints, follows, repairs and compresses write-ahead logs')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'fswal: ')) })
    .showHelpAfterError('Run fswal --help, or fswal COMMAND --help.')
    .addHelpText('after', EXIT_HELP);
  const command = (name: string, description: string, examples: readonly string[]): Command =>
    program
      .command(name)
      .description(description)
      .option('--json', 'one JSON object on stdout and nothing else there')
      .allowExcessArguments(false)
      .addHelpText(
        'after',
        `\nExamples:\n${examples.map((line) => `  $ fswal ${line}`).join('\n')}\n${EXIT_HELP}`,
      );

  addReading(command, start);
  addPrinting(command, start);
  addWriting(command, start);
  return program;
}

type NewCommand = (name: string, description: string, examples: readonly string[]) => Command;

function addReading(command: NewCommand, start: Start): void {
  command('inspect', 'what the log consists of, at a glance: reads the fronts of its files only', [
    'inspect orders.log',
    'inspect orders.log --json',
  ])
    .argument('<dir>', 'the log directory')
    .action((dir: string, { json = false }: WithJson<object>) =>
      start((context) => inspect(dir, context), json),
    );
  command('verify', 'verifies every byte of a log, or of one segment file of either form', [
    'verify orders.log',
    'verify orders.log/FS.00000012.wal.lz4 --json',
  ])
    .argument('<target>', 'the log directory, or a segment file')
    .action((target: string, { json = false }: WithJson<object>) =>
      start((context) => verify(target, context), json),
    );
  command('seek', 'finds an event, or the next higher one, and says where it lies', [
    'seek orders.log 123456',
    'seek orders.log --timestamp 1790000000000000000',
  ])
    .argument('<dir>', 'the log directory')
    .argument('[id]', 'the event id', parseU64)
    .option('--timestamp <ns>', 'the first event at or after it, where timestamps grow', parseU64)
    .action(
      (
        dir: string,
        id: bigint | undefined,
        { json = false, ...options }: WithJson<{ timestamp?: bigint }>,
        self: Command,
      ) => {
        if ((id === undefined) === (options.timestamp === undefined))
          self.error('fswal: give an id or --timestamp, one of them');
        return start((context) => seek(dir, id, options, context), json);
      },
    );
}

function addPrinting(command: NewCommand, start: Start): void {
  const format = () =>
    new Option('--format <format>', 'of the lines').choices(EVENT_FORMATS).default('jsonl');
  const from = ['--from <id>', 'begin at this event, or the next higher one', parseU64] as const;
  command('dump', 'prints the events, one in a line', [
    'dump orders.log --from 1000 --limit 10',
    'dump orders.log --format csv > orders.csv',
    'dump orders.log --diagnostic > saved.jsonl',
  ])
    .argument('<dir>', 'the log directory')
    .option(...from)
    .option('--limit <n>', 'so many events at most', parseLimit)
    .addOption(format())
    .option('--diagnostic', 'go on behind damage, and say on stderr what was passed over', false)
    .action((dir: string, { json = false, ...options }: WithJson<Parameters<typeof dump>[1]>) =>
      start((context) => dump(dir, linesOf(options, json), context), json),
    );
  command('tail', 'prints the last events, and then what a recorder adds, until Ctrl-C', [
    'tail orders.log',
    'tail orders.log -n 0 --format csv',
    'tail orders.log --from 1000',
  ])
    .argument('<dir>', 'the log directory')
    .addOption(new Option(from[0], from[1]).argParser(parseU64).conflicts('lines'))
    .addOption(
      new Option('-n, --lines <n>', 'begin so many events before the end')
        .argParser(parseLimit)
        .default(DEFAULT_LINES),
    )
    .addOption(format())
    .action((dir: string, { json = false, ...options }: WithJson<Parameters<typeof tail>[1]>) =>
      start((context) => tail(dir, linesOf(options, json), context), json),
    );
}

/** JSON is what events are printed as anyway. */
function linesOf<T extends { readonly format: string }>(options: T, json: boolean): T {
  return json ? { ...options, format: 'jsonl' } : options;
}

function addWriting(command: NewCommand, start: Start): void {
  command('repair', 'makes a damaged log sound: keeps what verifies, moves the damaged files aside', [
    'repair orders.log --dry-run',
    'repair orders.log',
  ])
    .argument('<dir>', 'the log directory; no recorder may have it open')
    .option('--dry-run', 'only say what would be done', false)
    .action((dir: string, { json = false, ...options }: WithJson<Parameters<typeof repair>[1]>) =>
      start((context) => repair(dir, options, context), json),
    );
  command('compress', 'compresses the closed segments, all but the newest', ['compress orders.log'])
    .argument('<dir>', 'the log directory; no recorder may have it open')
    .option('--allow-shared-directory', 'take one that others may write to', false)
    .action((dir: string, { json = false, ...options }: WithJson<Parameters<typeof compress>[1]>) =>
      start((context) => compress(dir, options, context), json),
    );
  command('expand', 'unpacks and verifies a compressed segment; overwrites nothing', [
    'expand orders.log/FS.00000012.wal.lz4',
    'expand orders.log/FS.00000012.wal.lz4 -o /tmp/12.wal',
    'expand orders.log/FS.00000012.wal.lz4 -o - | xxd | head',
  ])
    .argument('<file>', 'the compressed segment')
    .addOption(new Option('-o, --out <file>', 'where to write; - is stdout (default: beside it)'))
    .addOption(
      new Option('--remove', 'delete the compressed file when the other is on the device')
        .default(false)
        .conflicts('out'),
    )
    .action((file: string, { json = false, ...options }: WithJson<Parameters<typeof expand>[1]>) =>
      start((context) => expand(file, options, context), json),
    );
  command('bench', 'measures recording and replaying in an empty or new directory, and leaves it as it was', [
    'bench /data/bench',
    'bench /data/bench --events 50000000 --json',
  ])
    .argument('<dir>', 'an empty directory, or one that is not there')
    .option('--events <n>', 'how many', parseEvents, DEFAULT_BENCH_EVENTS)
    .option('--blocks <n>', 'blocks of 256 events in a segment', parseBlocks, DEFAULT_BLOCKS)
    .action((dir: string, { json = false, ...options }: WithJson<Parameters<typeof bench>[1]>) =>
      start((context) => bench(dir, options, context), json),
    );
}
