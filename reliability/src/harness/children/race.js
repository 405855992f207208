// Races for a log directory, round after round, until its parent ends it.
//
//   node race.js DIR WORDS_FILE RACER

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { loadProvider } from '@fswal/mmap';
import { RecorderManager } from '@fswal/recorder';
import { Answer, Level, RaceWords } from './race-words.js';

const [dir, wordsFile, number] = process.argv.slice(2);
const racer = Number(number);
const words = RaceWords.open(wordsFile);
const provider = loadProvider();
let done = 0;
words.setReleased(racer, 0);
words.setAnswer(racer, 0, Answer.won);

for (;;) {
  while (words.round === done) await sleep(1);
  const round = words.round;
  if (racer < words.racers) await race(round, words.level);
  words.setReleased(racer, round);
  done = round;
}

async function race(round, level) {
  let release;
  try {
    release = await take(level);
  } catch (error) {
    if (error.code !== 'DIRECTORY_LOCKED') process.stderr.write(`${error}\n`);
    words.setAnswer(racer, round, error.code === 'DIRECTORY_LOCKED' ? Answer.locked : Answer.other);
    return;
  }
  words.setAnswer(racer, round, Answer.won);
  while (words.release < round) await nextTurn();
  await release();
}

async function take(level) {
  if (level === Level.lock) {
    const lock = await provider.lockDirectory(dir);
    return () => lock.release();
  }
  const recorder = await RecorderManager.open({
    dir,
    blocksPerSegment: 16,
    tailBlocks: 8,
    volatilePlace: 'allow',
  });
  return () => recorder.close();
}
