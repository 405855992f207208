import { describe, expect, it } from 'vitest';
import { fswal } from './helpers/fswal.js';
import { tempDir } from './helpers/logs.js';

const COMMANDS = ['inspect', 'verify', 'dump', 'tail', 'seek', 'repair', 'compress', 'expand', 'bench'];

describe('the command line', () => {
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
      expect([run.status, run.stdout]).toEqual([2, '']);
      expect(run.stderr).toMatch(/^fswal: [A-Z_]+: /);
    },
  );
});
