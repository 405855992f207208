/** What the process exits with. `Failed` is a wrong command line, or an input or output that failed. */
export const ExitStatus = { Sound: 0, Damaged: 1, Failed: 2, Interrupted: 130 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];
