// Records whose every word follows from their sequence number, and the check that they arrive as they should.
// JavaScript, since worker threads load it too.

export const RECORD_WORDS = 16;
/** Sequence number of the records that tell consumers to stop, one each. */
export const END = -1;

/** Writes record `sequence` to `words` at `at`. */
export function fill(words, at, sequence) {
  words[at] = sequence;
  for (let i = 1; i < RECORD_WORDS; i++) words[at + i] = wordOf(sequence, i);
}

function wordOf(sequence, i) {
  return Math.imul(sequence + i, 0x9e37_79b1) ^ Math.imul(i, 0x85eb_ca6b);
}

/** What one consumer checks: tearing, and that sequence numbers grow. Counts in `seen` what it got, for `missing`. */
export class SequenceChecker {
  /** The first few findings, in words. */
  findings = [];
  #seen;
  #last = -1;

  /** @param {Uint8Array} seen shared by all consumers: how often each sequence number came */
  constructor(seen) {
    this.#seen = seen;
  }

  /** Takes a record. Returns its sequence number. */
  take(words, at) {
    const sequence = words[at];
    this.checkWhole(words, at, sequence);
    if (sequence === END) return END;
    if (sequence <= this.#last) this.#report(`${sequence} came after ${this.#last}`);
    this.#last = sequence;
    if (sequence < 0 || sequence >= this.#seen.length) this.#report(`${sequence} was never sent`);
    else Atomics.add(this.#seen, sequence, 1);
    return sequence;
  }

  /** Checks that the record at `at` is record `sequence` from end to end. */
  checkWhole(words, at, sequence) {
    if (words[at] !== sequence) this.#report(`${sequence} turned into ${words[at]}`);
    for (let i = 1; i < RECORD_WORDS; i++) {
      if (words[at + i] !== wordOf(sequence, i)) {
        this.#report(`${sequence} is torn at word ${i}`);
        return;
      }
    }
  }

  #report(finding) {
    if (this.findings.length < 5) this.findings.push(finding);
  }
}

/** What all consumers together did not get exactly once. The first few, in words. */
export function lostOrDuplicated(seen) {
  const findings = [];
  for (let i = 0; i < seen.length && findings.length < 5; i++) {
    if (seen[i] !== 1) findings.push(seen[i] === 0 ? `${i} is lost` : `${i} came ${seen[i]} times`);
  }
  return findings;
}
