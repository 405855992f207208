/** At most the page size anywhere; where pages are larger, some are touched twice. */
const PAGE_BYTES = 4096;

/**
 * Stores to every page without changing it, whoever else stores there: adding zero atomically is a store. Needs
 * allocated blocks, since a store that finds no space is SIGBUS.
 */
export function touchPages(buffer: ArrayBuffer): void {
  const bytes = new Uint8Array(buffer);
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) Atomics.add(bytes, at, 0);
}
