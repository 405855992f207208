import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { TAIL_RING_FILE, WalError } from '@fswal/format';
import { compressSegment, decompressSegment } from '@fswal/format/files';
import { loadProvider, type MmapProvider } from '@fswal/mmap';
import { type Agent, BackoffIdle, type IdleStrategy, runAgent } from './agent.js';
import { Control, ROLES, Role } from './control.js';
import { Folder } from './folder.js';
import { attachRings } from './handover.js';
import { listKeptSegments } from './kept-segments.js';
import { MaintenanceBoard } from './maintenance-board.js';
import { MetaCoordinator } from './meta-coordinator.js';
import { MetaStore } from './meta-store.js';
import { OpenSegments } from './open-segments.js';
import { RetentionKeeper } from './retention-keeper.js';
import { SegmentFiles } from './segment-files.js';
import { SegmentFreezer } from './segment-freezer.js';
import { SegmentMaintainer } from './segment-maintainer.js';
import { announceNothing, announceSegments } from './segment-news.js';
import { SegmentPreparer } from './segment-preparer.js';
import { SegmentWriter } from './segment-writer.js';
import { syncPaceOf } from './sync-pace.js';
import { TailWriter } from './tail-writer.js';
import { RecorderTelemetry } from './telemetry.js';
import type { WorkerData, WorkerReady } from './worker-data.js';

const data = workerData as WorkerData;
const control = new Control(data.control);
const folder = new Folder(data.folder);
const telemetry = RecorderTelemetry.attach(data.telemetry);
const announce =
  data.newsOrders === undefined
    ? announceNothing
    : announceSegments(data.newsOrders, (news) => parentPort?.postMessage(news));
const agent = createAgent();
let ended = false;
process.once('exit', () => {
  // Nobody else tells an engine that never returns to its event loop.
  if (!ended)
    control.fail(new WalError('WORKER_FAILED', `the ${ROLES[data.role]} thread ended before its time`));
});
parentPort?.postMessage({ systemId: systemThreadId() } satisfies WorkerReady);
await runAgent(agent, idleOf(data.role), control, telemetry.lifecycle(data.role, data.index), (error) => {
  if (error instanceof WalError) return folder.named(error) as WalError;
  return new WalError('WORKER_FAILED', `the ${ROLES[data.role]} thread failed: ${String(error)}`, {
    cause: error,
  });
});
ended = true;

function createAgent(): Agent {
  // Loaded by those that need it: the writer attaches to the ring, the preparer allocates.
  let provider: MmapProvider | undefined;
  const load = () => {
    provider ??= loadProvider(data.mmap);
    return provider;
  };
  const files = new SegmentFiles(folder, { allocate: (fd, bytes) => load().allocate(fd, bytes) });
  const rings = attachRings(data.rings);
  const board = new MaintenanceBoard(data.board);
  const openSegments = new OpenSegments(data.openSegments);
  const segmentsAreSynced = data.durability !== 'none';
  switch (data.role) {
    case Role.writer: {
      const { buffer } = load().attach(data.tailRing);
      const { active, link, lastEventId, tailBlocks } = data;
      const writer = active && new SegmentWriter(active.segment, files, active.progress);
      return new TailWriter(
        control,
        { buffer, tailBlocks },
        files,
        rings,
        openSegments,
        { writer, link, lastEventId },
        syncPaceOf(data.durability, data.syncIntervalMs),
        telemetry.writer,
        announce,
      );
    }
    case Role.preparer:
      // Before the thread says that it is up: koffi ends the process hard when that exits while it is being loaded.
      load();
      return new SegmentPreparer(control, files, rings, openSegments, data, telemetry.preparer, announce);
    case Role.maintainer: {
      const codec = { compress: compressSegment, decompress: decompressSegment };
      const metrics = telemetry.maintainer(data.index);
      const freezer = new SegmentFreezer(files, codec, (status) => metrics.failures.count(status));
      return new SegmentMaintainer(
        control,
        files,
        rings,
        board,
        freezer,
        openSegments,
        segmentsAreSynced,
        metrics,
        { announce, failed: (failure) => parentPort?.postMessage(failure) },
      );
    }
    case Role.coordinator: {
      const kept = listKeptSegments(folder, data.active?.segment.segmentIndex ?? data.nextSegmentIndex);
      const options = { ...data, dir: folder.base };
      const store = new MetaStore(files);
      store.reserve();
      const ringFolder = new Folder(data.ringFolder);
      return new MetaCoordinator(
        control,
        files,
        store,
        rings.durability,
        openSegments,
        (gate) =>
          new RetentionKeeper(
            control,
            rings,
            board,
            gate,
            options,
            kept,
            data.lastEventId,
            telemetry.retention,
          ),
        segmentsAreSynced,
        () => {
          ringFolder.verify();
          ringFolder.verifyEntry(TAIL_RING_FILE, data.ringFile);
        },
        telemetry.coordinator,
      );
    }
  }
}

/** Of this thread, where the system tells it: on Linux. */
function systemThreadId(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return Number(fs.readlinkSync('/proc/thread-self').split('/').pop());
  } catch {
    return undefined; // There is no /proc here.
  }
}

/** The writer follows the engine by looking; the others are woken when there is something to do. */
function idleOf(role: Role): IdleStrategy {
  return role === Role.writer ? new BackoffIdle(0.25, 1, 2_000) : new BackoffIdle(20, 100, 50);
}
