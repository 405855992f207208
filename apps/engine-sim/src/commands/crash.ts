import type { CheckpointProofs } from '../crash/checkpoint-proof.js';
import { CrashRun, type Life, type Verdict } from '../crash/crash-run.js';
import type { KillMoment } from '../crash/kill-plan.js';
import { type ProfileOptions, paceOf, specOf } from './flow-options.js';
import { interruptible } from './interrupts.js';
import { ExitStatus, formatCount, type Output, type Row } from './output.js';

export interface CrashCommandOptions extends ProfileOptions {
  readonly dir: string;
  readonly kills: number;
  readonly seed: number;
  readonly events: number;
  readonly blocks: number;
  readonly checkpoints?: boolean;
}

/** Kills a recording process again and again, and holds the log against the flow each time. */
export function crash(options: CrashCommandOptions, output: Output): Promise<ExitStatus> {
  const flow = specOf(options);
  const pace = paceOf(options, flow);
  return interruptible(async (signal) => {
    let cutShort = 0;
    const run = new CrashRun({
      ...options,
      flow,
      pace,
      onLife: (life, verdict) => {
        if (life.isCutShort && life.appended > 0) cutShort++;
        output.say(describeLife(life, verdict));
      },
    });
    signal.addEventListener('abort', () => void run.stop());
    const result = await run.run();
    const sound = result.lost === 0 && result.mismatches === 0;
    output.result(
      result,
      `${formatCount(result.kills)} kills of one log in ${options.dir}`,
      [
        ['while recording', formatCount(cutShort)],
        ['appends returned', formatCount(result.appended)],
        ['events recovered', formatCount(result.recovered)],
        ['lost', formatCount(result.lost)],
        ['mismatches', formatCount(result.mismatches)],
        ...(result.checkpoints === undefined ? [] : describeCheckpoints(result.checkpoints)),
      ],
      sound
        ? { sound, text: 'No event whose append had returned was lost, and every recovered state is right.' }
        : { sound, text: `The log in ${options.dir} is kept as it is.` },
    );
    if (!sound) return ExitStatus.Damaged;
    return signal.aborted ? ExitStatus.Interrupted : ExitStatus.Sound;
  });
}

function describeLife(life: Life, verdict: Verdict): string {
  const when = `kill ${life.number} ${describeMoment(life.moment)}, ring of ${life.tailBlocks}`;
  const counts = `${formatCount(life.appended)} appended, ${formatCount(verdict.recovered)} recovered in all`;
  const outcome = verdict.lost > 0 ? `${formatCount(verdict.lost)} LOST` : 'none lost';
  const mismatch = verdict.mismatch === undefined ? '' : `, MISMATCH: ${verdict.mismatch}`;
  return `${when}: ${counts}, ${outcome}${mismatch}`;
}

function describeMoment(moment: KillMoment): string {
  if (moment.kind === 'opening') return `${moment.afterMs} ms after its start`;
  if (moment.kind === 'rotation') return `at rotation ${moment.rotations}`;
  return `after ${formatCount(moment.events)} events`;
}

function describeCheckpoints({ recoveries, cutShort }: CheckpointProofs): Row[] {
  return [
    ['from a checkpoint', `${formatCount(recoveries)} recoveries`],
    ['while writing one', `${formatCount(cutShort)} kills`],
  ];
}
