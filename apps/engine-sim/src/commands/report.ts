import { writeFileSync } from 'node:fs';
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
