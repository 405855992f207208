import fs from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { fswal, jsonOf } from './helpers/fswal.js';
import { tempDir } from './helpers/logs.js';

const COMMANDS = ['inspect', 'verify', 'dump', 'tail', 'seek', 'repair', 'compress', 'expand', 'bench'];

describe('the command line', () => {
  it('--version: that of the package', async () => {
    const run = await fswal(['--version']);
    expect([run.status, run.stdout]).toEqual([
      0,
      `${createRequire(import.meta.url)('../package.json').version}\n`,
    ]);
  });

  it.each(COMMANDS)('%s --help: exit status 0, with examples', async (name) => {
    const run = await fswal([name, '--help']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toContain(`Usage: fswal ${name}`);
    expect(run.stdout).toContain(`$ fswal ${name} `);
    expect(run.stdout).toContain('--json');
    expect(run.stdout).toContain('Exit status');
  });

  it.each([
    [[]],
    [['no-such-command']],
    [['verify']],
    [['verify', 'x', 'y']],
    [['verify', 'x', '--colour']],
    [['dump', 'x', '--from', '-1']],
    [['dump', 'x', '--from', '18446744073709551616']],
    [['dump', 'x', '--limit', '1.5']],
    [['dump', 'x', '--format', 'xml']],
    [['tail', 'x', '--from', '1', '-n', '5']],
    [['seek', 'x']],
    [['seek', 'x', '1', '--timestamp', '2']],
    [['seek', 'x', 'abc']],
    [['expand', 'x.lz4', '-o', 'y', '--remove']],
    [['expand', 'x']],
    [['bench', 'x', '--events', '0']],
  ])('%j: usage, with exit status 2 and nothing on stdout', async (args) => {
    const run = await fswal(args);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).not.toBe('');
  });

  it.each(COMMANDS.filter((name) => name !== 'bench'))(
    '%s of what is not there: exit status 2, said on stderr',
    async (name) => {
      const missing = `${tempDir()}/missing.lz4`;
      const run = await fswal([name, missing, ...(name === 'seek' ? ['1'] : []), '--json']);
      expect(run.status).toBe(2);
      const [, code] = /^fswal: ([A-Z_]+): /.exec(run.stderr) ?? [];
      expect(jsonOf(run)).toMatchObject({ error: { code, file: missing, message: expect.any(String) } });
    },
  );

  it.each([
    [['verify', '--json']],
    [['dump', 'x', '--limit', '1.5', '--json']],
    [['seek', 'x', '--json']],
    [['expand', 'x', '--json']],
    [['expand', 'x.lz4', '-o', '-', '--json']],
  ])('%j: says on stdout as well that it is a matter of usage', async (args) => {
    const run = await fswal(args);
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/^fswal: /);
    const { error } = jsonOf<{ error: { code: string; message: string } }>(run);
    expect(error).toEqual({ code: 'USAGE', message: expect.stringMatching(/^(?!fswal|error)/) });
    expect(run.stderr).toContain(error.message);
  });

  it('a directory without a log is refused by each, and stays as it is', async () => {
    const dir = tempDir();
    for (const name of ['inspect', 'verify', 'dump', 'seek', 'repair', 'compress']) {
      const run = await fswal([name, dir, ...(name === 'seek' ? ['1'] : []), '--json']);
      expect([name, run.status]).toEqual([name, 2]);
      expect(jsonOf(run)).toMatchObject({ error: { code: 'SEGMENT_NOT_FOUND', file: dir } });
    }
    expect(fs.readdirSync(dir)).toEqual([]);
  });
});
