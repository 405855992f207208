import { expect, it } from 'vitest';
import { fill, lostOrDuplicated, RECORD_WORDS, SequenceChecker } from './support/sequence.mjs';

/** Feeds the checker records with these numbers, after `spoil` has had its way with each. */
function check(sequences: number[], spoil: (words: Int32Array, sequence: number) => void = () => {}) {
  const seen = new Uint8Array(new SharedArrayBuffer(4));
  const checker = new SequenceChecker(seen);
  const words = new Int32Array(RECORD_WORDS);
  for (const sequence of sequences) {
    fill(words, 0, sequence);
    spoil(words, sequence);
    checker.take(words, 0);
  }
  return [...checker.findings, ...lostOrDuplicated(seen)];
}

it('the checker of the thread tests finds nothing wrong with a sound stream', () => {
  expect(check([0, 1, 2, 3])).toEqual([]);
});

it('the checker sees a lost record', () => {
  expect(check([0, 1, 3])).toEqual(['2 is lost']);
});

it('the checker sees a duplicated record', () => {
  expect(check([0, 1, 1, 2, 3])).toEqual(['1 came after 1', '1 came 2 times']);
});

it('the checker sees records out of order', () => {
  expect(check([0, 2, 1, 3])).toEqual(['1 came after 2']);
});

it('the checker sees a record that nobody sent', () => {
  expect(check([0, 1, 2, 3, 4])).toEqual(['4 was never sent']);
});

it.each(Array.from({ length: RECORD_WORDS - 1 }, (_, i) => i + 1))(
  'the checker sees a record torn at word %i',
  (word) => {
    const torn = check([0, 1, 2, 3], (words, sequence) => {
      if (sequence !== 2) return;
      const other = new Int32Array(RECORD_WORDS);
      fill(other, 0, 3);
      words[word] = other[word];
    });
    expect(torn).toEqual([`2 is torn at word ${word}`]);
  },
);
