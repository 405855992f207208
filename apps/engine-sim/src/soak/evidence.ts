import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import type { FlowSpec } from '../flow/flow-spec.js';
import type { Discrepancy } from './discrepancy.js';

const PACKAGES = ['@fswal/format', '@fswal/mmap', '@fswal/recorder', '@fswal/recovery'];
const RECORD_FILE = 'discrepancy.json';
const LOG_DIR = 'log';

/** What a soak knows when it stops: enough to look at its log again. Ids are numbers, below 2^53. */
export interface Circumstances {
  readonly flow: FlowSpec;
  /** The options of the run. */
  readonly options: object;
  /** The life that it happened in, from 1, and how that was to go. */
  readonly life: object;
  /** Last event whose append had returned. */
  readonly due: number;
  /** Last event that an earlier recovery had delivered. */
  readonly recovered: number;
  /** What the follower had confirmed. */
  readonly followed: object;
  readonly totals: object;
}

/** What `discrepancy.json` holds of what has to be read again. */
export interface EvidenceRecord {
  readonly message: string;
  readonly flow: FlowSpec;
  readonly due: number;
  /** The kept log. */
  readonly logDir: string;
}

/** Where the evidence of a soak in `dir` is put. */
export function evidenceDir(dir: string): string {
  return `${dir}.discrepancy`;
}

/**
 * Takes the log out of everybody's way, as it was found, and writes down what was found beside it.
 * @returns the path of that file
 * @throws Error where that cannot be done; the log is then where it was
 */
export function keepEvidence(
  dir: string,
  { kind, message, place }: Discrepancy,
  known: Circumstances,
): string {
  const kept = evidenceDir(dir);
  const path = join(kept, RECORD_FILE);
  mkdirSync(kept);
  const { eventId, ...values } = place;
  const record = {
    discrepancy: { kind, message, eventId: eventId === undefined ? null : String(eventId), ...values },
    ...known,
    log: LOG_DIR,
    foundAt: new Date().toISOString(),
    versions: versions(),
  };
  writeFileSync(path, `${JSON.stringify(record, undefined, 2)}\n`, { flag: 'wx' });
  if (existsSync(dir)) renameSync(dir, join(kept, LOG_DIR));
  return path;
}

/** @throws Error that says what is wrong with the file */
export function readEvidence(path: string): EvidenceRecord {
  const record = parse(readFileSync(path, 'utf8'));
  if (!isRecord(record)) throw new Error(`${path} is not what a soak has written`);
  return {
    message: record.discrepancy.message,
    flow: record.flow,
    due: record.due,
    logDir: join(dirname(path), record.log),
  };
}

interface Written {
  readonly discrepancy: { readonly message: string };
  readonly flow: FlowSpec;
  readonly due: number;
  readonly log: string;
}

/** Undefined for what is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Written {
  const { discrepancy, flow, due, log } = (value ?? {}) as Partial<Written>;
  return (
    typeof discrepancy?.message === 'string' &&
    typeof flow === 'object' &&
    flow !== null &&
    Number.isSafeInteger(due) &&
    log === LOG_DIR
  );
}

function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const packages = PACKAGES.map((name) => {
    const { version } = require(`${name}/package.json`) as { version: string };
    return [name, version] as const;
  });
  const system = `${process.platform} ${process.arch} ${release()}`;
  return { node: process.version, system, ...Object.fromEntries(packages) };
}
