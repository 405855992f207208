import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import {
  type Incident,
  type RecordedDistribution,
  RUN_FORMAT,
  RUN_VERSION,
  type RunRecord,
  SERIES_NAMES,
} from '../run/run-record.js';
import { SEGMENT_STATES } from '../run/segment-lives.js';

/** Records are bounded; what is much larger is not one. */
const MOST_BYTES = 64 << 20;

/** A file that is not the data of a run, and why. */
export class RunRecordError extends Error {
  override readonly name = 'RunRecordError';

  constructor(file: string, reason: string) {
    super(`${file} is not what --save-run writes: ${reason}`);
  }
}

/**
 * Reads what `--save-run` has written, and looks at all of it: whoever draws it can rely on its shape.
 * @throws RunRecordError where it is something else; Error of the file system
 */
export function readRunRecord(file: string): RunRecord {
  return parseRunRecord(readText(file), file);
}

export function parseRunRecord(text: string, file: string): RunRecord {
  const check = new ShapeCheck(file);
  const run = check.object(parseJson(text, file), 'it');
  check.that(run.format === RUN_FORMAT, `its format is not ${RUN_FORMAT}`);
  check.that(
    run.version === RUN_VERSION,
    `its version is ${String(run.version)}, this engine-sim reads ${RUN_VERSION}`,
  );
  check.strings(run, 'command', 'startedAt');
  check.numbers(run, 'seconds', 'segmentStride');
  for (const [name, value] of Object.entries(check.object(run.options, 'options'))) {
    check.that(
      ['string', 'number', 'boolean'].includes(typeof value),
      `the option ${name} is ${typeof value}`,
    );
  }
  const machine = check.object(run.machine, 'machine');
  check.strings(machine, 'cpu', 'kernel', 'node', 'fileSystem');
  check.numbers(machine, 'cores');
  check.numbers(check.object(run.totals, 'totals'), 'appended', 'kills', 'recoveries', 'lost');
  for (const [name, value] of Object.entries(check.object(run.distributions, 'distributions'))) {
    checkDistribution(check, name, value);
  }
  checkSeries(check, run.series);
  for (const life of check.array(run.segments, 'segments')) checkLife(check, life);
  for (const incident of check.array(run.incidents, 'incidents')) checkIncident(check, incident);
  for (const row of check.array(run.results, 'results')) {
    const [name, value] = check.array(row, 'a result');
    check.that(typeof name === 'string' && typeof value === 'string', 'a result is not a name and a value');
  }
  if (run.verdict !== null) {
    const verdict = check.object(run.verdict, 'verdict');
    check.strings(verdict, 'text');
    check.that(typeof verdict.sound === 'boolean', 'the verdict is neither sound nor not');
  }
  return run as unknown as RunRecord;
}

function checkDistribution(check: ShapeCheck, name: string, value: unknown): void {
  const distribution = check.object(value, name);
  check.numbers(distribution, 'count', 'min', 'max');
  let before = -1;
  let held = 0;
  for (const bucket of check.array(distribution.buckets, `the buckets of ${name}`)) {
    const [ns, count] = check.array(bucket, `a bucket of ${name}`);
    check.that(typeof ns === 'number' && typeof count === 'number', `a bucket of ${name} is not two numbers`);
    check.that((ns as number) > before && (count as number) > 0, `the buckets of ${name} do not rise`);
    before = ns as number;
    held += count as number;
  }
  check.that(
    held === (distribution as unknown as RecordedDistribution).count,
    `the count of ${name} is not that of its buckets`,
  );
}

function checkSeries(check: ShapeCheck, value: unknown): void {
  const series = check.object(value, 'series');
  check.numbers(series, 'stride');
  const seconds = check.array(series.seconds, 'the seconds of the series');
  check.that(
    seconds.every(
      (second, i) => typeof second === 'number' && (i === 0 || second >= (seconds[i - 1] as number)),
    ),
    'the seconds of the series do not rise',
  );
  const columns = check.object(series.columns, 'the columns of the series');
  for (const name of SERIES_NAMES) {
    const column = check.array(columns[name], `the column ${name}`);
    check.that(
      column.length === seconds.length,
      `the column ${name} has ${column.length} values for ${seconds.length} seconds`,
    );
    check.that(
      column.every((cell) => cell === null || typeof cell === 'number'),
      `the column ${name} has a value that is no number`,
    );
  }
}

function checkLife(check: ShapeCheck, value: unknown): void {
  const life = check.object(value, 'a segment');
  check.numbers(life, 'segmentIndex', ...SEGMENT_STATES.filter((state) => state in life));
  check.that(
    SEGMENT_STATES.some((state) => state in life),
    'a segment has no state',
  );
}

function checkIncident(check: ShapeCheck, value: unknown): void {
  const incident = check.object(value, 'an incident');
  const kinds: readonly unknown[] = ['killed', 'recovered'] satisfies Incident['kind'][];
  check.that(kinds.includes(incident.kind), `an incident is of kind ${String(incident.kind)}`);
  check.strings(incident, 'text');
  check.numbers(incident, 'second', 'eventId', 'lost');
}

/** Says in the file's name what is not as it should be. */
class ShapeCheck {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  that(isSo: boolean, reason: string): void {
    if (!isSo) throw new RunRecordError(this.#file, reason);
  }

  object(value: unknown, name: string): Record<string, unknown> {
    this.that(
      typeof value === 'object' && value !== null && !Array.isArray(value),
      `${name} is not an object`,
    );
    return value as Record<string, unknown>;
  }

  array(value: unknown, name: string): readonly unknown[] {
    this.that(Array.isArray(value), `${name} is not a list`);
    return value as unknown[];
  }

  strings(object: Record<string, unknown>, ...names: readonly string[]): void {
    for (const name of names) this.that(typeof object[name] === 'string', `${name} is not a text`);
  }

  numbers(object: Record<string, unknown>, ...names: readonly string[]): void {
    for (const name of names) this.that(typeof object[name] === 'number', `${name} is not a number`);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RunRecordError(file, `it is not JSON (${(cause as Error).message})`);
  }
}

function readText(file: string): string {
  // Nobody waits for who may write to a fifo.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new RunRecordError(file, 'it is not a regular file');
    if (stats.size > MOST_BYTES) throw new RunRecordError(file, `it has ${stats.size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
