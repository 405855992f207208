import { createRequire } from 'node:module';

// Not imported: before it imports a CommonJS module Node reads its text for the names that it exports, and what it needs for
// that takes every thread 20 ms. A recorder has four threads of its own.
const require = createRequire(import.meta.url);

export const { xxh32, xxh64 } = require('@node-rs/xxhash') as typeof import('@node-rs/xxhash');

let loadedLz4: typeof import('lz4-napi') | undefined;

/** Loaded by the first call, as most threads never compress. */
export function lz4(): typeof import('lz4-napi') {
  loadedLz4 ??= require('lz4-napi') as typeof import('lz4-napi');
  return loadedLz4;
}
