// Holds a log open, and the locks of other directories; starts a program that outlives it and inherits what it can.
//
//   node hold.js LOG_DIR [DIR ...]        writes the program's process id when all is held

import { spawn } from 'node:child_process';
import { loadProvider } from '@fswal/mmap';
import { RecorderManager } from '@fswal/recorder';

const [dir, ...others] = process.argv.slice(2);
const recorder = await RecorderManager.open({
  dir,
  blocksPerSegment: 16,
  tailBlocks: 8,
  volatilePlace: 'allow',
});
const locks = [];
for (const other of others) locks.push(await loadProvider().lockDirectory(other));
const heir = spawn('sleep', ['600'], { stdio: 'inherit', detached: true });
process.stdout.write(`${heir.pid}\n`);
setInterval(() => [recorder, locks], 1_000_000);
