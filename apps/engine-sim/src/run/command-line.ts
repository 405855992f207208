import type { RunRecord } from './run-record.js';

/** What started a run, as it is typed. */
export function commandLine({ command, options }: Pick<RunRecord, 'command' | 'options'>): string {
  const typed = Object.entries(options).map(([name, value]) => {
    if (typeof value === 'boolean') return value ? `--${name}` : `--no-${name}`;
    return `--${name} ${value}`;
  });
  return ['engine-sim', command, ...typed].join(' ');
}
