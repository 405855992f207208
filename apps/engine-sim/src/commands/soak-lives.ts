import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunMonitor } from '../measure/run-monitor.js';
import { SoakLives, type SoakLivesResult, type SoakTotals } from '../soak/soak-lives.js';
import { paceOf, specOf } from './flow-options.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, formatRate, type Output } from './output.js';
import type { SoakCommandOptions } from './soak.js';

/** Most requests of one life. */
export const LIFE_EVENTS = 400_000;
/** Segments of 1 MB: many of them in each life. */
const BLOCKS = 64;

/** Soaks with kills; a temporary directory goes where all was well. */
export async function soakLives(
  options: SoakCommandOptions & { readonly minutes: number },
  output: Output,
  monitor?: RunMonitor,
): Promise<ExitStatus> {
  if (options.dir !== undefined) return soakIn(options.dir, options, output, monitor);
  const temporary = mkdtempSync(join(tmpdir(), 'fswal-soak-'));
  let isEvidence = true;
  try {
    const status = await soakIn(join(temporary, 'log'), options, output, monitor);
    isEvidence = status === ExitStatus.Damaged;
    return status;
  } finally {
    // What failed may be worth a look, but for what never began.
    if (!isEvidence || readdirSync(temporary).length === 0) rmSync(temporary, { recursive: true });
  }
}

function soakIn(
  dir: string,
  options: SoakCommandOptions & { readonly minutes: number },
  output: Output,
  monitor: RunMonitor | undefined,
): Promise<ExitStatus> {
  const {
    minutes,
    seed,
    events = LIFE_EVENTS,
    blocks = BLOCKS,
    durability,
    maxSegments,
    maxCompressed,
  } = options;
  return interruptible(async (signal) => {
    const flow = specOf(options);
    const run = new SoakLives({
      dir,
      seconds: minutes * 60,
      seed,
      flow,
      pace: paceOf(options, flow),
      events,
      blocks,
      durability,
      maxSegments,
      maxCompressed,
      monitor,
      onProgress: (totals) => output.progress(() => describeProgress(totals)),
    });
    signal.addEventListener('abort', () => run.stop());
    if (signal.aborted) run.stop();
    const result = await run.run();
    report(minutes, seed, result, output);
    if (result.discrepancy !== undefined) return ExitStatus.Damaged;
    return signal.aborted ? ExitStatus.Interrupted : ExitStatus.Sound;
  });
}

function report(minutes: number, seed: number, result: SoakLivesResult, output: Output): void {
  const { totals, discrepancy, evidence = null } = result;
  const { seconds } = totals;
  const json = {
    minutes,
    seed,
    ...totals,
    seconds: Number(seconds.toFixed(2)),
    discrepancy:
      discrepancy === undefined
        ? null
        : { kind: discrepancy.kind, message: discrepancy.message, ...discrepancy.place, evidence },
  };
  output.result(
    json,
    `Soaked for ${(seconds / 60).toFixed(1)} minutes: ${formatCount(totals.lives)} lives of a recording process`,
    [
      ['kills', `${formatCount(totals.kills)}, and ${formatCount(totals.followerKills)} of the follower`],
      ['appends returned', `${formatCount(totals.events)} (${formatRate(totals.events / seconds)})`],
      ['events recovered', formatCount(totals.recovered)],
      ['lost', formatCount(totals.lost)],
      ['followed', formatCount(totals.followed)],
      ['compared', `${formatCount(totals.comparedEvents)} events that were kept, byte for byte`],
      ['verified', `${formatCount(totals.verifiedBytes)} bytes of segments`],
    ],
    discrepancy === undefined
      ? { sound: true, text: 'No discrepancy: nothing was lost, and every state and every event was right.' }
      : {
          sound: false,
          text: `${discrepancy.message}\nIt is written down; look again with: ${replayCommand(evidence!)}`,
        },
  );
}

/** As it is to be typed. */
function replayCommand(evidence: string): string {
  return `engine-sim soak --replay '${evidence}'`;
}

function describeProgress(totals: SoakTotals): string {
  const { seconds, lives, followerKills, events, recovered, followed } = totals;
  const counts = [
    `life ${formatCount(lives)}`,
    `${formatCount(followerKills)} followers killed`,
    `${formatCount(events)} events`,
    `${formatCount(recovered)} recovered`,
    `${formatCount(followed)} followed`,
  ];
  return `${Math.floor(seconds)} s: ${counts.join(', ')}`;
}
