import { describe, expect, it } from 'vitest';
import { Interrupted } from '../src/interrupts.js';
import { inOwnProcess } from '../src/own-process.js';

const END_AS_TOLD = new URL('./children/end-as-told.js', import.meta.url);

/** How a process ends that ends like this, and how often was tidied up behind it. */
async function endOf(how: number | NodeJS.Signals) {
  let tidied = 0;
  const tidyUp = async () => {
    tidied++;
  };
  const end: unknown = await inOwnProcess(END_AS_TOLD, how, tidyUp).catch((error: unknown) => error);
  return { end, tidied };
}

describe('work in a process of its own', () => {
  it.each([0, 1, 2])('ends with its exit status: %i', async (status) => {
    expect(await endOf(status)).toEqual({ end: status, tidied: 0 });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('is interrupted where %s is for it as well', async (signal) => {
    const { end, tidied } = await endOf(signal);
    expect(end).toBeInstanceOf(Interrupted);
    expect(tidied).toBe(1);
  });

  it('fails where it was killed', async () => {
    const { end, tidied } = await endOf('SIGKILL');
    expect(end).toMatchObject({ message: 'it was ended by SIGKILL' });
    expect(tidied).toBe(1);
  });

  it('is killed with this process, and tidied up behind', async () => {
    let tidied = 0;
    const ended = inOwnProcess(END_AS_TOLD, 'SIGSTOP', async () => {
      tidied++;
    });
    process.emit('SIGTERM', 'SIGTERM');
    await expect(ended).rejects.toBeInstanceOf(Interrupted);
    expect(tidied).toBe(1);
  });
});
