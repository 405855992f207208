/* What a recovery measures, and what it publishes. */
import diagnostics from 'node:diagnostics_channel';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { blockOffset } from '@fswal/format';
import { compressSegment } from '@fswal/format/files';
import { openMetricsText } from '@fswal/telemetry/openmetrics';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  RECOVERY_CHANNELS,
  RECOVERY_METRICS,
  type RecoveryDamageMessage,
  RecoveryManager,
  type RecoveryOptions,
} from '../dist/index.js';
import { eachEvent, until } from './helpers/bounded.js';
import { LiveLog } from './helpers/live-log.js';
import { buildLog, full, tempDir, writeMeta } from './helpers/log-builder.js';
import { cut, flip } from './helpers/vandal.js';

const threeSegments = { segments: [{ blocks: full(4) }, { blocks: full(4) }, { blocks: full(4) }] };
const fullSegments = { segments: [{ blocks: full(16) }, { blocks: full(16) }, { blocks: full(16) }] };
const EVENTS = 12 * 256;

/** Leaves a segment in its compressed form alone. @returns the file */
function pack(file: string): string {
  const packed = `${file}.lz4`;
  fs.writeFileSync(packed, compressSegment(fs.readFileSync(file)));
  fs.rmSync(file);
  return packed;
}

function listen<Message>(name: string): Message[] {
  const heard: Message[] = [];
  const take = (message: unknown) => void heard.push(message as Message);
  diagnostics.subscribe(name, take);
  onTestFinished(() => void diagnostics.unsubscribe(name, take));
  return heard;
}

describe('telemetry', () => {
  it.each([
    [1, 12],
    [0, 0],
  ])('one in %i of the calls that enter a block is timed', async (sampleBlocks, samples) => {
    const { dir } = buildLog(threeSegments);
    const recovery = await RecoveryManager.open({ dir, telemetry: { sampleBlocks } });
    expect(eachEvent(recovery)).toBe(EVENTS);
    const { manager } = recovery.telemetry;
    expect(manager.next_event).toMatchObject({ count: samples, failures: 0 });
    expect(manager.next_event_histogram.count).toBe(samples);
    expect(manager.next_event_clock.count).toBe(samples);
    await recovery.close();
  });

  it('a follower that asks in vain enters no block', async () => {
    const log = new LiveLog().append(700);
    const recovery = await RecoveryManager.open({
      dir: log.dir,
      follow: true,
      telemetry: { sampleBlocks: 1 },
    });
    while (recovery.next());
    const entered = recovery.telemetry.manager.next_event.count;
    expect(entered).toBeGreaterThan(0);
    for (let i = 0; i < 50; i++) expect(recovery.next()).toBe(false);
    expect(recovery.telemetry.manager.next_event.count).toBe(entered);
    await recovery.close();
  });

  it('a replay that begins late has not taken longer to resume', async () => {
    const { dir } = buildLog(threeSegments);
    const before = performance.now();
    const recovery = await RecoveryManager.open({ dir });
    await until(() => recovery.telemetry.segment_preloader.preloaded_events > 0);
    const readMs = performance.now() - before;
    await delay(100);
    recovery.next();
    const { resume_from_event } = recovery.telemetry.manager;
    expect(resume_from_event.count).toBe(1);
    // Both by clocks that nobody sets, in microseconds.
    expect(resume_from_event.sum / 1e6).toBeLessThanOrEqual(readMs + 0.002);
    await recovery.close();
  });

  it('counts a seek, where it looked, and one that found nothing', async () => {
    const { dir, lastId } = buildLog(threeSegments);
    const recovery = await RecoveryManager.open({ dir });
    recovery.seek(5 * 256);
    expect(() => recovery.seek(lastId + 1n)).toThrow(/no event/);
    const { manager, segment_reader } = recovery.telemetry;
    expect(manager.seek_event).toMatchObject({ count: 1, failures: 1 });
    expect(manager.read_segment_header.count).toBeGreaterThan(0);
    expect(segment_reader.seek_event.count).toBeGreaterThan(0);
    await recovery.close();
  });

  it('counts damage by the checksum that does not hold', async () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    flip(log.segments[1].file, blockOffset(2) + 100);
    const recovery = await RecoveryManager.open({ dir: log.dir });
    expect(() => eachEvent(recovery)).toThrow(/block/);
    expect(recovery.telemetry).toMatchObject({
      manager: { next_event: { failures: 1 } },
      segment_reader: {
        verify_segment: { count: 1, failures: 1 },
        total_block_checksum_failures: 1,
        total_chained_checksum_failures: 0,
        total_header_checksum_failures: 0,
        total_validation_failures: 1,
      },
    });
    await recovery.close();
  });

  it.each([{}, { verifyThreads: 2 }, { mode: 'diagnostic' }, { follow: true }] as const)(
    'counts a compressed segment that does not unpack (%o)',
    async (options) => {
      const log = buildLog(fullSegments);
      writeMeta(log);
      const packed = pack(log.segments[1].file);
      cut(packed, 500);
      const recovery = await RecoveryManager.open({ dir: log.dir, ...options });
      const replay = () => eachEvent(recovery);
      if ('mode' in options) replay();
      else expect(replay).toThrow(/SEGMENT_CORRUPTED/);
      expect(recovery.telemetry.segment_reader).toMatchObject({
        verify_segment: { failures: 1 },
        total_validation_failures: 1,
      });
      await recovery.close();
    },
  );

  it('counts the bytes of a compressed segment as they are unpacked, followed or not', async () => {
    const log = buildLog(fullSegments);
    const segmentBytes = fs.statSync(log.segments[1].file).size;
    pack(log.segments[1].file);
    for (const follow of [false, true]) {
      const recovery = await RecoveryManager.open({ dir: log.dir, follow });
      while (recovery.next());
      const { segment_preloader, segment_reader } = recovery.telemetry;
      expect(segment_preloader.preload_bytes).toBe(segment_reader.verify_segment.count * segmentBytes);
      expect(segment_reader.verify_segment.count).toBeGreaterThanOrEqual(2);
      await recovery.close();
    }
  });

  it('of a follower tells how many events wait to be delivered, and since when', async () => {
    const log = new LiveLog().append(700);
    const recovery = await RecoveryManager.open({ dir: log.dir, follow: true });
    const lag = () => recovery.telemetry.follower;
    // They are counted right before they are there to be taken: only then it is known since when.
    await until(() => lag().lag === 700 && lag().lag_time > 0);
    for (let events = 0; events < 600; events++) recovery.next();
    expect(lag().lag).toBe(100);
    recovery.seek(50);
    await until(() => lag().lag === 651);
    while (recovery.next());
    expect(lag()).toEqual({ lag: 0, lag_time: 0 });
    await recovery.close();
  });

  it('is collected and dumped by component', async () => {
    const { dir } = buildLog(threeSegments);
    const recovery = await RecoveryManager.open({ dir });
    const names: string[] = [];
    recovery.collect('wal', ({ name, labels }) => names.push(`${name} ${labels.log}`), { log: 'a' });
    const tables = recovery.dumpTelemetry();
    const { telemetry } = recovery;
    for (const [component, layout] of Object.entries(RECOVERY_METRICS)) {
      expect(Object.keys(telemetry[component as keyof typeof telemetry])).toEqual(Object.keys(layout));
      for (const name of Object.keys(layout)) {
        expect(names).toContain(`wal_${component}_${name} a`);
        expect(tables).toMatch(new RegExp(`^${name} `, 'm'));
      }
    }
    await recovery.close();
  });

  it('is exported under every name that the dashboard asks for', async () => {
    const { dir } = buildLog(threeSegments);
    const recovery = await RecoveryManager.open({ dir });
    const exposition = openMetricsText(recovery, { prefix: 'fswal_recovery' });
    const exported = new Set(exposition.split('\n').map((line) => /^\w+/.exec(line)?.[0]));
    const dashboard = new URL('../../../docs/grafana-dashboard.json', import.meta.url);
    const asked = fs.readFileSync(dashboard, 'utf8').match(/fswal_recovery_\w+/g) ?? [];
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((name) => !exported.has(name))).toEqual([]);
    await recovery.close();
  });

  it.each([
    [{ telemetry: 1 }, TypeError],
    [{ telemetry: { sample: 1 } }, TypeError],
    [{ telemetry: { sampleBlocks: -1 } }, RangeError],
  ])('%o is refused', async (options, kind) => {
    await expect(RecoveryManager.open({ dir: tempDir(), ...options } as never)).rejects.toThrow(kind);
  });
});

describe('channels', () => {
  async function replay(options: RecoveryOptions<never> & { view?: never }): Promise<void> {
    const recovery = await RecoveryManager.open(options);
    try {
      eachEvent(recovery);
    } finally {
      await recovery.close();
    }
  }

  it('tell of opening, each segment and closing', async () => {
    const { dir } = buildLog(threeSegments);
    const heard = Object.values(RECOVERY_CHANNELS).map((name) => listen<object>(name));
    await replay({ dir, fromEventId: 3 });
    const [open, close, segment, damage, failure] = heard;
    expect(open).toMatchObject([{ dir, fromEventId: 3n }]);
    expect(close).toMatchObject([{ dir, events: EVENTS - 2 }]);
    expect(segment).toMatchObject([0, 1, 2].map((segmentIndex) => ({ dir, segmentIndex })));
    expect([damage, failure]).toEqual([[], []]);
  });

  it('tell of damage, by what it does', async () => {
    const log = buildLog(threeSegments);
    writeMeta(log);
    const { file } = log.segments[1];
    flip(file, blockOffset(2) + 100);
    const damage = listen<RecoveryDamageMessage>(RECOVERY_CHANNELS.damage);
    const failure = listen(RECOVERY_CHANNELS.failure);
    await expect(replay({ dir: log.dir })).rejects.toMatchObject({ code: 'BLOCK_CHECKSUM_MISMATCH' });
    const what = { dir: log.dir, file, reason: 'BLOCK_CHECKSUM_MISMATCH' };
    expect(damage.splice(0)).toMatchObject([{ ...what, kind: 'corruption' }]);
    await replay({ dir: log.dir, mode: 'diagnostic' });
    expect(damage.splice(0)).toMatchObject([{ ...what, kind: 'gap' }]);
    writeMeta(log, 0);
    await replay({ dir: log.dir });
    expect(damage).toMatchObject([{ ...what, kind: 'torn tail' }]);
    expect(failure).toEqual([]);
  });

  it('tell of what is no damage as a failure', async () => {
    const failure = listen(RECOVERY_CHANNELS.failure);
    const dir = `${tempDir()}/none`;
    await expect(RecoveryManager.open({ dir })).rejects.toMatchObject({ code: 'DIRECTORY_NOT_FOUND' });
    expect(failure).toMatchObject([{ dir, error: { code: 'DIRECTORY_NOT_FOUND' } }]);
  });
});
