import { type MetricLayout, Telemetry } from '../../src/index.js';

/** Of every kind one that has recorded, and one that has not. */
export const LAYOUT = {
  bytes_read: { kind: 'counter', unit: 'bytes', help: 'Bytes of segment files.' },
  waits: 'counter',
  lag: { kind: 'gauge', unit: 'ns', help: 'How far behind.' },
  backlog: { kind: 'gauge', unit: 'events' },
  sync: { kind: 'duration', help: 'Waits for the device.' },
  seek: 'duration',
  write: { kind: 'operation', help: 'Writes of blocks.' },
  open: 'operation',
  writer: 'lifecycle',
  preparer: 'lifecycle',
  append: { kind: 'histogram', help: 'One append.' },
  rotate: 'histogram',
} as const satisfies MetricLayout;

export function filled(): Telemetry<typeof LAYOUT> {
  const telemetry = Telemetry.create(LAYOUT);
  telemetry.counter('bytes_read').add(16_842_816);
  telemetry.gauge('lag').set(1_500_000);
  telemetry.duration('sync').record(170_000);
  telemetry.duration('sync').record(830_000);
  telemetry.operation('write').record(40_000);
  telemetry.operation('write').fail();
  telemetry.operation('write').fail();
  telemetry.lifecycle('writer').active(3e9);
  telemetry.lifecycle('writer').idle(9e9);
  for (let ns = 1; ns <= 100; ns++) telemetry.histogram('append').record(ns);
  return telemetry;
}
