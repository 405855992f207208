import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readRunRecord } from '../report/read-run-record.js';
import { runReport } from '../report/run-report.js';
import { ExitStatus, formatCount, type Output } from './output.js';

/** Makes one HTML file of the data of one run or several. */
export async function report(
  options: { readonly output: string },
  output: Output,
  files: readonly string[],
): Promise<ExitStatus> {
  const runs = files.map(readRunRecord);
  if (files.some((file) => resolve(file) === resolve(options.output))) {
    throw new Error(`${options.output} is one of the runs: the report needs another name`);
  }
  const html = runReport(runs);
  writeFileSync(options.output, html);
  const bytes = Buffer.byteLength(html);
  output.result(
    { report: options.output, runs: runs.length, bytes },
    `Made a report of ${runs.length === 1 ? 'a run' : `${runs.length} runs`}`,
    [
      ['report', options.output],
      ['bytes', formatCount(bytes)],
    ],
  );
  return ExitStatus.Sound;
}
