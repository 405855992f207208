import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { specOfSeed } from '../flow/flow-spec.js';
import { Xoshiro128 } from '../flow/xoshiro128.js';
import { PublishedPosition } from '../log/published-position.js';
import { RecordingChild } from './recording-child.js';

/** Segments of 16.8 MB: a dozen of them for three million events. */
const BLOCKS = 1024;
/** The kill falls into this part of the recording. */
const EARLIEST = 0.35;
const LATEST = 0.85;
/** A process that gets no time to watch the other one may kill it too late; then that one gets more to do. */
const ATTEMPTS = 3;
const MORE_EVENTS = 2;

export interface KillMidwayOptions {
  /** For what is shared with the process. */
  readonly dir: string;
  /** Not there yet. */
  readonly logDir: string;
  readonly seed: number;
  readonly events: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Killed {
  /** What the process was to record. */
  readonly events: number;
  /** Id of the last event whose append had returned; `events` where the last kill, too, came after all of them. */
  readonly killedAt: number;
}

/** Has a process record a new log, and kills it in the middle. @throws Error; also once `signal` is aborted */
export async function killMidway(options: KillMidwayOptions): Promise<Killed> {
  const { dir, logDir, seed, signal, say } = options;
  const publishedPath = join(dir, 'published');
  const published = PublishedPosition.create(publishedPath);
  const part = EARLIEST + (LATEST - EARLIEST) * (new Xoshiro128(seed).below(1000) / 1000);
  let { events } = options;
  for (let attempt = 1; ; attempt++) {
    say(
      `a matching engine in another process records and matches ${count(events)} requests in ${logDir} ...`,
    );
    const killAfter = Math.ceil(events * part);
    const child = RecordingChild.start(
      { dir: logDir, flow: specOfSeed(seed), events, blocks: BLOCKS },
      publishedPath,
      published,
    );
    try {
      await child.until(() => signal.aborted || published.appended >= killAfter);
    } finally {
      await child.kill();
    }
    signal.throwIfAborted();
    const killedAt = published.baseEventId + published.appended;
    say(`  killed it with SIGKILL: the append of event ${count(killedAt)} had returned, nothing was closed`);
    if (killedAt < events) return { events, killedAt };
    if (attempt === ATTEMPTS) {
      say('  that came too late: it had recorded all of them. So this proves less than it should');
      return { events, killedAt };
    }
    events *= MORE_EVENTS;
    say('  that came too late: it had recorded all of them. Once more, with more of them');
    rmSync(logDir, { recursive: true });
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
