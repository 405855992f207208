import { Command, CommanderError, Option } from 'commander';
import { crash } from './commands/crash.js';
import { demo } from './commands/demo.js';
import { addFlowInOption, addPaceOptions, addProfileOptions } from './commands/flow-options.js';
import { IMPORT_HELP, importFlow, ON_ERROR, parseDate, parseSymbols } from './commands/import.js';
import { observed, offerFiles, offerPage, temporaryReport } from './commands/observed.js';
import {
  parseBlocks,
  parseCheckpointPace,
  parseEvents,
  parseInstrument,
  parseKeptCheckpoints,
  parseKills,
  parseMaxCompressed,
  parseMaxReports,
  parseMaxSegments,
  parseMinutes,
  parseRate,
  parseSeed,
  parseTick,
  parseUsers,
} from './commands/options.js';
import { ExitStatus, Output } from './commands/output.js';
import { record } from './commands/record.js';
import { recover } from './commands/recover.js';
import { report } from './commands/report.js';
import { SOAK_DURABILITIES, SOAK_HELP, soak } from './commands/soak.js';
import { LIFE_EVENTS } from './commands/soak-lives.js';
import { MARKET_DATA_FORMATS } from './import/import-run.js';

const EXIT_HELP = `
Exit status: 0 sound, 1 events lost, damaged or not as expected, 2 usage or I/O error, 130 interrupted.`;

const FLOW_HELP = `
A flow follows from its seed and profile, or comes from a file. Without --rate it is recorded as fast as it goes; with it,
at that rate at most, or, where arrivals have a rate (fixed, poisson, hawkes), in real time as they come.`;

/** Runs one command line, without the leading `node engine-sim`. Resolves with the exit status; never rejects. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  outliveReaders();
  let status: ExitStatus = ExitStatus.Sound;
  const program = buildProgram((result) => {
    status = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Sound : ExitStatus.Failed;
    new Output({ json: false }).fail(error instanceof Error ? error.message : String(error));
    return ExitStatus.Failed;
  }
}

/** Who has read enough (`| head`) does not end a run: what it does to its log, and its exit status, are as they would be. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

function buildProgram(done: (status: ExitStatus) => void): Command {
  const program = new Command('engine-sim')
    .description('A matching engine under synthetic load that puts the write-ahead log to the test')
    .exitOverride()
    .addHelpText('after', EXIT_HELP);

  /** A command with what all of them have. */
  const command = <T extends object>(
    name: string,
    description: string,
    run: (options: T, output: Output, args: readonly string[]) => Promise<ExitStatus>,
  ): Command =>
    program
      .command(name)
      .description(description)
      .option('--json', 'one JSON object on stdout and nothing else there')
      .allowExcessArguments(false)
      .addHelpText('after', EXIT_HELP)
      .action(async function (this: Command) {
        const { json = false, ...options } = this.opts<T & { json?: boolean }>();
        done(await run(options as unknown as T, new Output({ json }), this.args));
      });

  const recordCommand = command(
    'record',
    'record and match requests; a log that is there already is continued',
    observed('record', record),
  )
    .requiredOption('--dir <dir>', 'the log directory')
    .option('--events <n>', 'requests to record; may be left out with --flow-in', parseEvents)
    .option('--seed <n>', 'seed of the order flow', parseSeed, 1)
    .option('--blocks <n>', 'blocks per segment, for a new log', parseBlocks)
    .option('--flow-out <file>', 'write what is recorded to a flow file, too')
    .option('--checkpoint-every <n>', 'a checkpoint each n events, or each <n>s seconds', parseCheckpointPace)
    .option('--keep-checkpoints <k>', 'how many are kept', parseKeptCheckpoints, 2);
  addPaceOptions(addFlowInOption(addProfileOptions(recordCommand))).addHelpText('after', FLOW_HELP);
  const recoverCommand = command(
    'recover',
    'rebuild the engine from its log, and from its newest checkpoint if there is one',
    observed('recover', recover),
  )
    .requiredOption('--dir <dir>', 'the log directory')
    .option('--seed <n>', 'seed that the log was recorded with: compares with it', parseSeed)
    .option('--rate <n>', 'the rate of the arrivals that it was recorded with', parseRate)
    .option('--full', 'replay the whole log, whatever checkpoints there are');
  addFlowInOption(addProfileOptions(recoverCommand));
  const crashCommand = command(
    'crash',
    'kill a recording process again and again, and compare after each kill',
    observed('crash', crash),
  )
    .requiredOption('--dir <dir>', 'the log directory')
    .requiredOption('--kills <n>', 'how often', parseKills)
    .option('--seed <n>', 'seed of the order flow and of the kills', parseSeed, 1)
    .option('--events <n>', 'most requests between two kills', parseEvents, 50_000)
    .option('--blocks <n>', 'blocks per segment, for a new log', parseBlocks, 64)
    .option('--rate <n>', 'requests per second (default: as fast as it goes)', parseRate)
    .option('--checkpoints', 'take checkpoints too, go on from them, and compare what they give');
  addProfileOptions(crashCommand);
  command('import', 'make a flow file of public market data', importFlow)
    .argument('<file>', 'the market data')
    .addOption(
      new Option('--format <format>', 'of the market data')
        .choices(MARKET_DATA_FORMATS)
        .makeOptionMandatory(),
    )
    .requiredOption('-o, --out <flow>', 'the flow file to write')
    .option('--instrument <n>', 'of all requests; lobster only (default: 0)', parseInstrument)
    .option('--symbol <symbols>', 'import these alone, such as AAPL,MSFT; itch only', parseSymbols)
    .option('--tick <n>', 'price of a tick, in 1/10,000 dollars', parseTick, 100)
    .option('--users <n>', 'users to spread the orders over', parseUsers, 1024)
    .addOption(
      new Option('--date <day>', 'of the times in the data').argParser(parseDate).default(0n, '1970-01-01'),
    )
    .addOption(new Option('--on-error <what>', 'at malformed input').choices(ON_ERROR).default('skip'))
    .option('--max-reports <n>', 'most malformed lines or messages that are reported', parseMaxReports, 10)
    .addHelpText('after', IMPORT_HELP);
  const demoCommand = command(
    'demo',
    'record, kill, recover, prove; in a temporary directory',
    observed('demo', demo, { report: temporaryReport() }),
  )
    .option('--seed <n>', 'seed of the order flow and of the kill', parseSeed, 1)
    .option('--no-dashboard', 'without the live page');
  const soakCommand = command(
    'soak',
    'record, kill, recover, compare, follow and verify, again and again for minutes or days',
    observed('soak', soak),
  )
    .option('--minutes <m>', 'how long, fractions too', parseMinutes)
    .option('--no-kills', 'one process for all of the time: does it grow?')
    .option('--replay <file>', 'look again at the log of a discrepancy.json')
    .option('--dir <dir>', 'a directory without a log; it is kept (default: a temporary one)')
    .option('--seed <n>', 'seed of the order flow and of the kills', parseSeed, 1)
    .option('--events <n>', `most requests between two kills (default: ${LIFE_EVENTS})`, parseEvents)
    .option('--rate <n>', 'requests per second (default: as fast as it goes)', parseRate)
    .option('--blocks <n>', 'blocks per segment (default: 64, without kills 256)', parseBlocks)
    .addOption(
      new Option('--durability <mode>', 'when events become durable')
        .choices(SOAK_DURABILITIES)
        .default('interval'),
    )
    .option('--max-segments <n>', 'segments that are kept', parseMaxSegments, 8)
    .option('--max-compressed <n>', 'compressed ones beyond those', parseMaxCompressed, 8)
    .addHelpText('after', SOAK_HELP);
  command('report', 'make one HTML file of the data of runs, laid over each other', report)
    .argument('<run.json...>', 'what --save-run has written')
    .requiredOption('-o, --output <file>', 'the HTML file');
  addProfileOptions(soakCommand);
  for (const watched of [recordCommand, crashCommand, soakCommand]) {
    watched.option('--dashboard', 'show the run in a live page on this machine, and its metrics at /metrics');
  }
  for (const watched of [recordCommand, crashCommand, soakCommand, demoCommand]) offerPage(watched);
  for (const watched of [recordCommand, recoverCommand, crashCommand, soakCommand, demoCommand]) {
    offerFiles(watched);
  }
  return program;
}
