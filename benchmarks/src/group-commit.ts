import type { BenchGroup, BenchRatio } from './bench-group.js';
import { benchRow, latencyRow } from './bench-group.js';
import type { BenchRun } from './bench-run.js';
import { nowNs } from './clock.js';
import { type Committer, openLmdbCommitter, openLogCommitter, openSqliteCommitter } from './committers.js';
import { type Distribution, LatencyRecord, pool } from './latency.js';
import { median, medianRatio } from './statistics.js';

const WAITERS = [1, 16, 256];
const FULL = { rounds: 8, roundMs: 400 };
const QUICK = { rounds: 1, roundMs: 40 };

/** One committer with so many who wait at the same time. */
interface Setting {
  readonly committer: Committer;
  readonly waiters: number;
  /** Of each round: nanoseconds per commit, and commits per wait for the device. */
  readonly nsPerCommit: number[];
  readonly commitsPerSync: number[];
  readonly latencies: Distribution[];
}

/** Group commit: each of some waiters appends an event, waits until it is durable, and begins again. */
export async function benchGroupCommit({ dir, fileSystem, quick, progress }: BenchRun): Promise<BenchGroup> {
  const { rounds, roundMs } = quick ? QUICK : FULL;
  const committers = [
    await openLogCommitter(dir),
    openSqliteCommitter(dir),
    openLmdbCommitter(dir, false),
    openLmdbCommitter(dir, true),
  ].filter((committer) => committer !== undefined);
  try {
    const settings = WAITERS.flatMap((waiters) =>
      committers.map(
        (committer): Setting => ({ committer, waiters, nsPerCommit: [], commitsPerSync: [], latencies: [] }),
      ),
    );
    for (let round = -1; round < rounds; round++) {
      for (const setting of settings) {
        progress(`${setting.committer.name}, ${setting.waiters} waiting, round ${round + 1} of ${rounds}`);
        const measured = await commitFor(setting, roundMs);
        if (round < 0) continue;
        setting.nsPerCommit.push(measured.nsPerCommit);
        setting.commitsPerSync.push(measured.commitsPerSync);
        setting.latencies.push(measured.latencies);
      }
    }
    return {
      group: `group, each event made durable, with 1, 16 and 256 who wait (${fileSystem})`,
      rows: settings.map((setting) => benchRow(nameOf(setting), setting.nsPerCommit, noteOf(setting))),
      latencies: settings.map((setting) => latencyRow(nameOf(setting), pool(setting.latencies))),
      ratios: WAITERS.flatMap((waiters) =>
        compare(settings.filter((setting) => setting.waiters === waiters)),
      ),
    };
  } finally {
    for (const committer of committers) await committer.close();
  }
}

function nameOf({ committer, waiters }: Setting): string {
  return `${String(waiters).padStart(3)} waiting: ${committer.name}`;
}

function noteOf({ commitsPerSync }: Setting): string | undefined {
  const commits = median(commitsPerSync);
  return Number.isNaN(commits) ? undefined : `${commits.toFixed(1)} in a sync`;
}

/** How many times as many commits the first one, the log, does per second. */
function compare([log, ...rivals]: readonly Setting[]): BenchRatio[] {
  return rivals.map((rival) => ({
    name: `${log.waiters} waiting: commits/s, log / ${rival.committer.name}`,
    value: medianRatio(rival.nsPerCommit, log.nsPerCommit),
    target: '-',
    met: true,
  }));
}

async function commitFor(
  { committer, waiters }: Setting,
  roundMs: number,
): Promise<{ nsPerCommit: number; commitsPerSync: number; latencies: Distribution }> {
  const record = new LatencyRecord();
  const syncsBefore = committer.syncs();
  const start = nowNs();
  const end = start + roundMs * 1e6;
  const wait = async () => {
    for (let now = nowNs(); now < end; ) {
      await committer.commit();
      const after = nowNs();
      record.record(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: waiters }, wait));
  const elapsedNs = nowNs() - start;
  const latencies = record.distribution();
  return {
    nsPerCommit: elapsedNs / latencies.count,
    commitsPerSync: latencies.count / (committer.syncs() - syncsBefore),
    latencies,
  };
}
