// The same on Linux and macOS.
export const PROT_READ_WRITE = 0x1 | 0x2;
export const MAP_SHARED = 0x1;
export const MAP_FAILED = -1n;

/** Linux 5.14: makes every page present and writable, as stores would, and reports what would be a SIGBUS as EFAULT. */
export const MADV_POPULATE_WRITE = 23;

/** LOCK_EX | LOCK_NB, Linux and macOS. */
export const LOCK_EXCLUSIVE_AT_ONCE = 0x2 | 0x4;
/** LOCK_UN. */
export const LOCK_RELEASE = 0x8;
