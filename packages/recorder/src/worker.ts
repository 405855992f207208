import { parentPort, workerData } from 'node:worker_threads';
import { WalError } from '@fswal/format';
import { loadProvider, type MmapProvider } from '@fswal/mmap';
import { type Agent, BackoffIdle, type IdleStrategy, runAgent } from './agent.js';
import { Control, ROLES, Role } from './control.js';
import { attachRings } from './handover.js';
import { MetaCoordinator } from './meta-coordinator.js';
import { MetaStore } from './meta-store.js';
import { OpenSegments } from './open-segments.js';
import { SegmentFiles } from './segment-files.js';
import { SegmentMaintainer } from './segment-maintainer.js';
import { SegmentPreparer } from './segment-preparer.js';
import { SegmentWriter } from './segment-writer.js';
import { TailWriter } from './tail-writer.js';
import { RecorderTelemetry } from './telemetry.js';
import { WORKER_READY, type WorkerData } from './worker-data.js';

const data = workerData as WorkerData;
const control = new Control(data.control);
const agent = createAgent();
parentPort?.postMessage(WORKER_READY);
runAgent(agent, idleOf(data.role), control, (error) => {
  if (error instanceof WalError) return error;
  return new WalError('WORKER_FAILED', `the ${ROLES[data.role]} thread failed: ${String(error)}`, {
    cause: error,
  });
});

function createAgent(): Agent {
  // Loaded by those that need it: the writer attaches to the ring, the preparer allocates.
  let provider: MmapProvider | undefined;
  const load = () => {
    provider ??= loadProvider(data.mmap);
    return provider;
  };
  const files = new SegmentFiles(data.dir, { allocate: (fd, bytes) => load().allocate(fd, bytes) });
  const rings = attachRings(data.rings);
  const openSegments = new OpenSegments(data.openSegments);
  const telemetry = new RecorderTelemetry(data.telemetry);
  switch (data.role) {
    case Role.writer: {
      const { buffer } = load().attach(data.tailRing);
      const { active, link, lastEventId, tailBlocks } = data;
      const writer = active && new SegmentWriter(active.segment, files, active.progress);
      const start = { writer, link, lastEventId };
      return new TailWriter(
        control,
        { buffer, tailBlocks },
        files,
        rings,
        openSegments,
        start,
        telemetry.writer,
      );
    }
    case Role.preparer:
      // Before the thread says that it is up: koffi ends the process hard when that exits while it is being loaded.
      load();
      return new SegmentPreparer(control, files, rings.prepared, openSegments, data, telemetry.preparer);
    case Role.maintainer:
      return new SegmentMaintainer(control, files, rings.persist, openSegments, telemetry.maintainer);
    case Role.coordinator: {
      const store = new MetaStore(files);
      return new MetaCoordinator(
        control,
        files,
        store,
        rings.durability,
        openSegments,
        telemetry.coordinator,
      );
    }
  }
}

/** The writer follows the engine by looking; the others are woken when there is something to do. */
function idleOf(role: Role): IdleStrategy {
  return role === Role.writer ? new BackoffIdle(0.25, 1, 2_000) : new BackoffIdle(20, 100, 50);
}
