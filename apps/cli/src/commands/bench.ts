import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '@fswal/format';
import { ExitStatus } from '../exit-status.js';
import { interruptible } from '../interrupts.js';
import type { BenchResult, Percentiles } from '../log/bench-run.js';
import { formatCount } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface BenchCommandOptions {
  readonly events: number;
  readonly blocks: number;
}

/** Measures recording and replaying in a directory that is empty, or made for it; what it made there goes again. */
export async function bench(
  dir: string,
  options: BenchCommandOptions,
  { output, json }: Context,
): CommandResult {
  const { runBench } = await import('../log/bench-run.js');
  let bar: ReturnType<typeof output.progress> | undefined;
  let current = '';
  const onProgress = (step: string, done: number, total: number) => {
    if (bar === undefined || step !== current) bar = output.progress(step, total);
    current = step;
    bar.update(done);
  };
  const result = await interruptible((signal) =>
    inOwnDirectory(dir, (own) => runBench({ dir: own, ...options, signal, onProgress })),
  );
  if (json) await output.printJson(result);
  else await output.print(describe(result));
  return result.complete ? ExitStatus.Sound : ExitStatus.Damaged;
}

/**
 * Runs `work` with a new directory inside of `dir`, which is removed afterwards, and `dir` as well if it was not there:
 * unless somebody has put something in.
 */
async function inOwnDirectory<T>(dir: string, work: (own: string) => Promise<T>): Promise<T> {
  const made = fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (made === undefined && fs.readdirSync(dir).length > 0) {
    const message = 'the directory is not empty: name an empty or a new one';
    throw new WalError('FILE_ALREADY_EXISTS', message, { file: dir });
  }
  const own = fs.mkdtempSync(path.join(dir, 'fswal-bench-'));
  try {
    return await work(own);
  } finally {
    fs.rmSync(own, { recursive: true });
    const above = made === undefined ? path.resolve(dir) : path.dirname(made);
    for (let at = path.resolve(dir); at !== above && fs.readdirSync(at).length === 0; at = path.dirname(at)) {
      fs.rmdirSync(at);
    }
  }
}

function describe(result: BenchResult): string {
  const ns = (value: number) => `${value.toFixed(1)} ns an event`;
  const rate = (value: number) => `${formatCount(Math.round(value))} MB/s`;
  const rows: [string, string][] = [
    ['append', ns(result.appendNsPerEvent)],
    ['record, to the device', rate(result.recordMBPerSec)],
    ['append and sync one', describeTimes(result.syncNs)],
    ['fdatasync', describeTimes(result.fdatasyncNs)],
    ['replay, next()', ns(result.replayNsPerEvent)],
    ['replay, nextBlock()', rate(result.replayMBPerSec)],
    ['verify', rate(result.verifyMBPerSec)],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(22)} ${value}`);
  const verdict = result.complete ? 'every one of them came back' : 'NOT ALL OF THEM CAME BACK';
  return `${[`${formatCount(result.events)} events: ${verdict}`, ...lines].join('\n')}\n`;
}

function describeTimes({ p50, p90, p99, max }: Percentiles): string {
  const ms = (ns: number) => (ns / 1e6).toFixed(2);
  return `p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${ms(p99)}, max ${ms(max)} ms`;
}
