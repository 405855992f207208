import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { installed, MAIN, WHERE_INSTALLED } from './support/setting.js';

const base = mkdtempSync(join(tmpdir(), 'fswal-bench-main-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe.skipIf(!installed)(`the command${WHERE_INSTALLED}`, () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

  test('names every group in its help', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    for (const name of ['append', 'tail', 'tail-ring', 'group', 'sustained', 'steady']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\w`, 'm'));
    }
  });

  test.for([
    ['no-such'],
    ['--no-such'],
    ['--plot', 'x.svg', 'append'],
    ['--dir'],
    ['--dir', '/nowhere', 'sync'],
    ['--report', '/nowhere/report.html', 'sync'],
  ])('refuses %j with status 2, and writes nothing to stdout', (args) => {
    const { status, stdout, stderr } = run(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('usage: npm run bench');
  });

  test('writes a report of all groups, where it is told to', () => {
    const report = join(base, 'report.html');
    const { status, stdout, stderr } = run('--quick', '--dir', base, '--report', report, 'group');
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`report: ${report}`);
    const html = readFileSync(report, 'utf8');
    expect(html).toMatch(/<h2>group, /);
    expect(html).toContain('"kind":"percentiles"');
    expect(html).not.toMatch(/(?:src|href)="http/);
    rmSync(report);
  });

  test('--json writes one object to stdout, and nothing stays of what was written', () => {
    const { status, stdout, stderr } = run('--json', '--no-report', '--quick', '--dir', base, 'steady');
    expect(status, stderr).toBe(0);
    const { machine, groups } = JSON.parse(stdout);
    expect(machine).toContain('Node v');
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ group: expect.stringMatching(/^steady, /), rows: expect.any(Array) });
    expect(readdirSync(base)).toEqual([]);
  });

  test('Ctrl-C ends it with status 130 and leaves nothing', async () => {
    const args = [MAIN, '--no-report', '--dir', base, '--tmpfs', base, 'steady'];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      // In the midst of it: the log has gone on to its tenth file.
      const names = () => readdirSync(base, { recursive: true }).join(' ');
      while (child.exitCode === null && !names().includes('FS.00000009.wal')) await sleep(10);
      child.kill('SIGINT');
      expect(await exited).toBe(130);
      expect(readdirSync(base)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
