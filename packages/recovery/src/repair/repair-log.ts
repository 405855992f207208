import { type DurablePosition, encodeMeta, META_BYTES, META_FILE, WalError } from '@fswal/format';
import { type LogSurvey, listLogDirectory, readDurablePosition, surveyLog } from '@fswal/format/files';
import { LogFolder } from './log-folder.js';
import { LogRepair, type RepairStep } from './log-repair.js';
import type { RepairedFile, RepairReport } from './repair-report.js';
import { RingRepair } from './ring-repair.js';
import type { SegmentEnd } from './segment-end.js';

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
 * the device does not give a file, OPEN_FAILED where one is not a regular file, SEGMENT_GAP where too many are missing,
 * DISK_FULL where there is less room than it takes: then nothing was changed; DISK_FULL, WRITE_FAILED, FSYNC_FAILED later
 * on: what is done stands, and a repair after this one goes on
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
  const segments = survey.files.length;
  let done = 0;
  let total = segments;
  const walk = (step: RepairStep, of = surveyLog(folder.base)): LogRepair => {
    const repair = new LogRepair(folder, of, step);
    repair.run(() => onProgress(++done, Math.max(done, total)));
    return repair;
  };
  const asItIs = walk('nothing', survey);
  const raised = asItIs.mends ? raise(survey, asItIs.now) : survey;
  if (raised !== survey) total += segments;
  const plan = raised === survey ? asItIs : walk('nothing', raised);
  const ring = RingRepair.plan(folder, plan.now, plan.after, survey.durable.position.eventId);
  const repaired = plan.needed || ring.needed;
  // Where there is none that can be used, a new one stands beside what there is.
  if (survey.durable.report.source === 'derived') plan.room.keep(META_BYTES);
  const roomBytes = repaired ? plan.room.bytes : 0;
  let end = plan;
  if (repaired && !dryRun) {
    requireRoom(folder, roomBytes);
    // From segments that are written anew another one would be derived.
    if (survey.durable.report.source === 'derived') storeDurable(folder, survey.durable.position);
    total += segments * (Number(plan.cuts) + Number(plan.mends));
    ring.relink(folder);
    const cut = plan.cuts ? walk('cut', { ...surveyLog(folder.base), durable: raised.durable }) : plan;
    if (raised !== survey && cut.now !== undefined) storeDurable(folder, cut.now.position);
    end = plan.mends ? walk('all') : cut;
    if (!end.durableFits) storeDurable(folder, end.endPosition(ring.holdsAllAfter));
  }
  const ringFile = ring.moveAside(folder, repaired && !dryRun);
  return {
    dir: folder.path,
    dryRun,
    repaired,
    roomBytes,
    gaps: plan.gaps,
    files: [...plan.files.sort(byName), ...(ringFile === undefined ? [] : [ringFile])],
    events: end.events,
    firstEventId: end.firstEventId,
    lastEventId: end.after?.lastEventId ?? 0n,
    durableBefore: survey.durable.report,
    tailRing: ring.report,
  };
}

/** @throws WalError DISK_FULL, before anything of the log is changed */
function requireRoom(folder: LogFolder, roomBytes: number): void {
  // An earlier repair that was killed.
  folder.removeUnfinished();
  const { freeBytes } = folder;
  if (roomBytes <= freeBytes) return;
  const message = `a repair takes ${roomBytes} bytes of room, and ${freeBytes} are left; nothing was changed: make room, or repair a copy on a larger disk`;
  throw new WalError('DISK_FULL', message, { file: folder.path });
}

/**
 * The log with all of its events durable. What is above the durable position and does not connect is cut, and while
 * segments are chained anew that must not be. So the position is raised before, and the plan is made with the new one: a
 * repair that goes on after a killed one finds no other.
 *
 * @param end of the segments, without a torn tail
 */
function raise(survey: LogSurvey, end: SegmentEnd | undefined): LogSurvey {
  const { position, report } = survey.durable;
  if (end === undefined || end.lastEventId <= position.eventId) return survey;
  return { ...survey, durable: { position: end.position, report } };
}

/** The torn tail was cut from its end on. */
function byName(a: RepairedFile, b: RepairedFile): number {
  return a.file < b.file ? -1 : Number(a.file > b.file);
}

/** Data first. A metadata file that is damaged was no help, but it is evidence. */
function storeDurable(folder: LogFolder, position: DurablePosition): void {
  for (const { name } of listLogDirectory(folder.base).segments) folder.syncFile(name);
  const isDamaged = folder.exists(META_FILE) && !('position' in readDurablePosition(folder.base));
  folder.replace(META_FILE, encodeMeta(position), isDamaged);
}

function checked(options: RepairOptions): RepairOptions {
  const { dir, dryRun, onProgress } = options;
  if (typeof dir !== 'string' || dir === '') throw new TypeError('dir is the path of a log directory');
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new TypeError('dryRun is true or false');
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError('onProgress is a function');
  return options;
}
