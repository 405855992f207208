// For `node --import`: counts the bytes that the packages take checksums of, in `globalThis.hashedBytes`.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const ofFormat = createRequire(import.meta.url).resolve('@fswal/format/package.json');
// The packages take their functions from it when they are loaded, which is later.
const xxhash = createRequire(fs.realpathSync(ofFormat))('@node-rs/xxhash');
const { xxh64 } = xxhash;
globalThis.hashedBytes = 0;
xxhash.xxh64 = (bytes, seed) => {
  globalThis.hashedBytes += bytes.length;
  return xxh64(bytes, seed);
};
