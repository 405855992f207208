import { Worker } from 'node:worker_threads';
import { createRingBuffer, RingKind } from '../../src/layout.js';
import { lostOrDuplicated, RECORD_WORDS } from './sequence.mjs';

export interface Stream {
  kind: 'spsc' | 'spmc';
  records: number;
  capacity: number;
  /** Default 1. */
  consumers?: number;
  /** copy: push and pop. in-place: claim, commit, peek, release. release-early: a planted bug, see the test of it. */
  style: 'copy' | 'in-place' | 'release-early';
  /** Default block. */
  wait?: 'spin' | 'block' | 'async';
  /** Whether the first consumer sleeps a millisecond on every hundredth record, while it holds it. */
  slow?: boolean;
  firstPosition?: number;
  /** Whether the threads use Atomics for everything, as they do where stores are not kept in order. */
  atomics?: boolean;
}

interface Outcome {
  findings: string[];
  count: number;
}

/** Sends numbered records from one thread to others. Resolves with everything that was not right, in words. */
export async function runStream(stream: Stream): Promise<string[]> {
  const { kind, records, capacity, firstPosition, consumers = 1, wait = 'block', slow = false } = stream;
  const ringKind = kind === 'spsc' ? RingKind.Spsc : RingKind.Spmc;
  const buffer = createRingBuffer(ringKind, { capacity, recordWords: RECORD_WORDS }, firstPosition);
  const seen = new Uint8Array(new SharedArrayBuffer(records));
  const common = { kind, buffer, style: stream.style, wait, records, consumers, seen };
  const env = { ...process.env, FSWAL_RING_ATOMICS: stream.atomics ? '1' : '0' };
  const outcomes: Promise<Outcome>[] = [];
  for (let i = 0; i < consumers; i++) {
    outcomes.push(startWorker({ ...common, role: 'consumer', slow: slow && i === 0 }, env));
  }
  outcomes.push(startWorker({ ...common, role: 'producer', slow: false }, env));
  const findings = (await Promise.all(outcomes)).flatMap((outcome) => outcome.findings);
  return [...findings, ...lostOrDuplicated(seen)];
}

function startWorker(workerData: object, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const worker = new Worker(new URL('./ring-worker.mjs', import.meta.url), { workerData, env });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a worker ended without an outcome')));
  });
}
