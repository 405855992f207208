import { surveyLog } from '../log-survey.js';
import { LogFolder } from './log-folder.js';
import { LogRepair } from './log-repair.js';
import type { RepairedFile, RepairReport } from './repair-report.js';
import { RingRepair } from './ring-repair.js';

export interface RepairOptions {
  /** The log directory. No recorder may be at work in it. */
  readonly dir: string;
  /** Change nothing, and report what would be changed. Default false. */
  readonly dryRun?: boolean;
  /**
   * Called behind each segment: how many were looked at, and how many times a segment is looked at in all. Every one is
   * looked at once, and once more where there is something to repair.
   */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Makes a sound log of a damaged one: keeps what verifies, moves what is damaged aside as `*.broken`, and says what was
 * dropped. A sound log is left as it is. May be killed at any moment: another repair then goes on. Afterwards a strict
 * recovery replays the log, and a recorder writes on.
 *
 * @throws TypeError for options of the wrong type
 * @throws WalError DIRECTORY_NOT_FOUND; DIRECTORY_LOCKED while a recorder or another repair is at work; READ_FAILED where
 * the device does not give a file, OPEN_FAILED where one is not a regular file, SEGMENT_GAP where too many are missing:
 * then nothing was changed; DISK_FULL, WRITE_FAILED, FSYNC_FAILED: a repair after this one goes on
 */
export async function repairLog(options: RepairOptions): Promise<RepairReport> {
  const { dir, dryRun = false, onProgress = () => {} } = checked(options);
  const folder = LogFolder.open(dir);
  try {
    // Not imported: who only reads needs no native code for locks.
    const { loadProvider } = await import('@fswal/mmap');
    const lock = await loadProvider().lockDirectory(folder.base);
    try {
      return repairFolder(folder, dryRun, onProgress);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw folder.named(error);
  } finally {
    folder.close();
  }
}

/** What `repairLog` does with the directory in hand. */
export function repairFolder(
  folder: LogFolder,
  dryRun: boolean,
  onProgress: (done: number, total: number) => void = () => {},
): RepairReport {
  const survey = surveyLog(folder.base);
  const segments = new Set(survey.kept.map(({ segmentIndex }) => segmentIndex)).size;
  let done = 0;
  const walk = (write: boolean, total: number): LogRepair => {
    const repair = new LogRepair(folder, survey, write);
    repair.run(() => onProgress(++done, total));
    return repair;
  };
  const plan = walk(false, segments);
  const ring = RingRepair.plan(folder, plan.before, plan.after, survey.durable.position.eventId);
  const needed = plan.needed || ring.needed;
  const files: RepairedFile[] = [];
  if (needed && !dryRun) {
    ring.relink();
    const repair = walk(true, 2 * segments);
    repair.storeEnd();
    files.push(...repair.files);
  } else files.push(...plan.files);
  const ringFile = ring.moveAside(folder, needed && !dryRun);
  if (ringFile !== undefined) files.push(ringFile);
  return {
    dir: folder.path,
    dryRun,
    repaired: needed,
    gaps: plan.gaps,
    files,
    events: plan.events,
    firstEventId: plan.firstEventId,
    lastEventId: plan.after?.lastEventId ?? 0n,
    durableBefore: survey.durable.report,
    tailRing: ring.report,
  };
}

function checked(options: RepairOptions): RepairOptions {
  const { dir, dryRun, onProgress } = options;
  if (typeof dir !== 'string' || dir === '') throw new TypeError('dir is the path of a log directory');
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new TypeError('dryRun is true or false');
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError('onProgress is a function');
  return options;
}
