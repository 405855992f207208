// Starts a worker of the recorder, and spoils every other compressed segment that it writes.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { workerData } from 'node:worker_threads';
import { decompressSegment } from '@fswal/format/files';

const { entry, counts, seed } = workerData.spoil;
const write = fs.writeSync;
let random = seed;

fs.writeSync = (fd, bytes, ...rest) => {
  const isFrame = fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('.wal.lz4.tmp');
  if (isFrame && Atomics.add(counts, 0, 1) % 2 === 1) {
    Atomics.add(counts, 1, 1);
    let spoiled = spoil(bytes);
    // A match may have been moved to where the same bytes stand.
    while (unpacked(spoiled)?.equals(unpacked(bytes))) spoiled = spoil(bytes);
    return write(fd, spoiled, ...rest);
  }
  return write(fd, bytes, ...rest);
};
syncBuiltinESMExports();
await import(entry);

function below(limit) {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 4) % limit;
}

function unpacked(frame) {
  try {
    return decompressSegment(frame, 2 ** 30, 'a spoiled frame');
  } catch {
    return undefined;
  }
}

function spoil(bytes) {
  const copy = bytes.slice();
  const at = below(copy.length);
  switch (below(3)) {
    case 0:
      copy[at] ^= 1 << below(8);
      return copy;
    case 1:
      // Something else than was there, whatever that was.
      return copy.fill(copy[at] ^ 0xff, at, at + 1 + below(512));
    default:
      return copy.fill(copy[copy.length - 1] ^ 0xff, Math.max(0, copy.length - 1 - below(64)));
  }
}
