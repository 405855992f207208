import fs from 'node:fs';
import path from 'node:path';
import { WalError } from '@fswal/format';
import { ExitStatus } from '../exit-status.js';
import type { BenchResult, Percentiles } from '../log/bench-run.js';
import { formatCount } from '../units.js';
import type { CommandResult, Context } from './command.js';

export interface BenchCommandOptions {
  readonly events: number;
  readonly blocks: number;
}

/** Measures recording and replaying in a directory that is empty, or made for it, and leaves it as it was. */
export async function bench(
  dir: string,
  options: BenchCommandOptions,
  { output, json, signal }: Context,
): CommandResult {
  const wasThere = fs.existsSync(dir);
  if (wasThere && fs.readdirSync(dir).length > 0) {
    throw new WalError('FILE_ALREADY_EXISTS', 'the directory is not empty: name an empty or a new one', {
      file: dir,
    });
  }
  const { runBench } = await import('../log/bench-run.js');
  let bar: ReturnType<typeof output.progress> | undefined;
  let current = '';
  let result: BenchResult;
  try {
    const onProgress = (step: string, done: number, total: number) => {
      if (bar === undefined || step !== current) bar = output.progress(step, total);
      current = step;
      bar.update(done);
    };
    result = await runBench({ dir, ...options, signal, onProgress });
  } finally {
    for (const name of wasThere ? fs.readdirSync(dir) : []) fs.rmSync(path.join(dir, name));
    if (!wasThere) fs.rmSync(dir, { recursive: true, force: true });
  }
  if (json) await output.printJson(result);
  else await output.print(describe(result));
  return result.complete ? ExitStatus.Sound : ExitStatus.Damaged;
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
