/** The name of a provider, as `loadProvider` and the environment variable FSWAL_MMAP take it. */
export const ProviderName = { Libc: 'libc', MmapIo: 'mmap-io' } as const;
export type ProviderName = (typeof ProviderName)[keyof typeof ProviderName];

/** A mapping of the libc provider: every thread of the process works on the same address. */
export interface SharedLibcMapping {
  readonly provider: 'libc';
  readonly path: string;
  readonly bytes: number;
  readonly address: bigint;
  /** The only process in which `address` means anything. */
  readonly pid: number;
  /** See holders.ts. */
  readonly holders: SharedArrayBuffer;
}

/** A mapping of the mmap-io provider: every thread maps the file again, as long as it is still the same file. */
export interface SharedMmapIoMapping {
  readonly provider: 'mmap-io';
  readonly path: string;
  readonly bytes: number;
  readonly device: bigint;
  readonly inode: bigint;
}

/** What another thread of this process needs to attach to a mapping. Plain data: send it in a message. */
export type SharedMapping = SharedLibcMapping | SharedMmapIoMapping;

/**
 * A file mapped shared and writable. No descriptor stays open. It is unmapped when the garbage collector has found
 * `buffer` unreachable, and never before: there is no close.
 */
export interface MappedFile {
  /** The file's bytes. Stores are at once what every reader of the file sees, and survive the process. */
  readonly buffer: ArrayBuffer;
  readonly bytes: number;
  /** Absolute. */
  readonly path: string;
  /**
   * For `attach` in another thread of this process. Keep `buffer` reachable here until that thread has attached, and
   * better until it has exited.
   */
  share(): SharedMapping;
}

/** An exclusive lock on a directory. The kernel frees it when the process dies, however it dies. */
export interface DirectoryLock {
  /** Frees the lock; once released, does nothing. */
  release(): void;
}

/** What the log needs of the operating system and Node does not offer. */
export interface MmapProvider {
  readonly name: ProviderName;

  /**
   * Creates a file with mode 0600 whatever the umask, allocates its blocks, maps it and touches every page once. A
   * failure leaves no file behind.
   *
   * @param bytes size of the file, > 0
   * @throws WalError FILE_ALREADY_EXISTS where anything has that name, a symbolic link included; DISK_FULL;
   * WRITE_FAILED where blocks cannot be had for another reason; OPEN_FAILED
   * @throws RangeError where `bytes` is not a whole number > 0
   */
  createMapped(path: string, bytes: number): MappedFile;

  /**
   * Maps the whole of an existing regular file, allocates what it lacks of its blocks and touches every page once.
   * What it holds stays.
   *
   * @throws WalError OPEN_FAILED for a file that is missing, empty, not regular or behind a symbolic link; DISK_FULL
   * and WRITE_FAILED as in `createMapped`
   */
  openMapped(path: string): MappedFile;

  /**
   * The mapping of another thread of this process, in this thread.
   * @throws WalError OPEN_FAILED where it is of another provider or process, or is no longer there
   */
  attach(shared: SharedMapping): MappedFile;

  /**
   * Reserves blocks for the first `bytes` of a file, so that stores there cannot meet a full disk. The file is at
   * least `bytes` long afterwards; what it held is unchanged. Where the file system or the provider cannot reserve,
   * zeros are written to where there is no data, and nobody else may write to the file meanwhile. A failure leaves
   * the file's size as it was.
   *
   * @param fd open for reading and writing
   * @throws WalError DISK_FULL, or WRITE_FAILED
   */
  allocate(fd: number, bytes: number): void;

  /**
   * Takes the exclusive lock on a directory, at once or not at all. It conflicts with every other holder: in this
   * thread, another thread or another process, of either provider, by whatever path.
   *
   * @throws WalError DIRECTORY_LOCKED where somebody holds it; DIRECTORY_NOT_FOUND; OPEN_FAILED where the platform
   * or the file system has no such lock
   */
  lockDirectory(dir: string): Promise<DirectoryLock>;
}
