import { PassThrough } from 'node:stream';
import { WalError } from '@fswal/format';
import { describe, expect, it } from 'vitest';
import { Output, ReaderGone } from '../src/output.js';

/** A stream that keeps what is written to it. */
class Sink extends PassThrough {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
    this.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
  }
}

function outputOf({ stdoutTty = false, stderrTty = false } = {}) {
  const [stdout, stderr] = [new Sink(stdoutTty), new Sink(stderrTty)];
  return { output: new Output(stdout, stderr), stdout, stderr };
}

describe('output', () => {
  it('draws a bar only on a terminal, and takes it away before anything else is written', async () => {
    const atTerminal = outputOf({ stderrTty: true });
    const bar = atTerminal.output.progress('verifying', 4);
    bar.update(2);
    await atTerminal.output.print('result\n');
    expect(atTerminal.stderr.text).toContain('verifying');
    expect(atTerminal.stderr.text.endsWith('\x1b[2K') || atTerminal.stderr.text.endsWith('\x1b[0K')).toBe(
      true,
    );
    const drawn = atTerminal.stderr.text;
    bar.update(3);
    expect(atTerminal.stderr.text).toBe(drawn);

    const piped = outputOf();
    piped.output.progress('verifying', 4).update(2);
    await piped.output.print('result\n');
    expect([piped.stdout.text, piped.stderr.text]).toEqual(['result\n', '']);
  });

  it('has no colours in a pipe', () => {
    const { output, stderr } = outputOf({ stdoutTty: true });
    output.fail(new Error('it failed'));
    expect(stderr.text).toBe('fswal: it failed\n');
    expect(output.colours.red('x')).toBe('x');
  });

  it('says what to do about an error where that helps', () => {
    const { output, stderr } = outputOf();
    output.fail(new WalError('DIRECTORY_LOCKED', 'it is taken', { file: 'x' }));
    expect(stderr.text).toMatch(/^fswal: DIRECTORY_LOCKED: it is taken \(file x\)\nfswal: a recorder.*\n$/);
  });

  it('tells a reader that is gone from other failures', async () => {
    for (const [code, expected] of [
      ['EPIPE', ReaderGone],
      ['ENOSPC', Error],
    ] as const) {
      const { output, stdout } = outputOf();
      stdout._write = (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code }));
      const error = await output.print('x').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(expected);
      expect(error instanceof ReaderGone).toBe(code === 'EPIPE');
    }
  });
});
