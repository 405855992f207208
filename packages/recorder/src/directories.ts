import type { DirectoryLock, MmapProvider } from '@fswal/mmap';
import { Folder } from './folder.js';
import { releaseAll } from './release-all.js';

/** The directories of a log, held open and locked. */
export interface Directories {
  readonly log: Folder;
  /** That of the tail ring: the same one, unless an option says otherwise. */
  readonly ring: Folder;
  /** Frees the locks and closes both. */
  release(): void;
}

/** Holds the log's directory and, where that is another one, the ring's open and locked: no two logs can share a ring. */
export async function openDirectories(
  provider: MmapProvider,
  {
    dir,
    tailRingDir,
    allowSharedDirectory,
  }: { dir: string; tailRingDir: string; allowSharedDirectory: boolean },
): Promise<Directories> {
  const held: { folder: Folder; lock: DirectoryLock | undefined }[] = [];
  const hold = async (folder: Folder): Promise<Folder> => {
    const entry: (typeof held)[number] = { folder, lock: undefined };
    held.push(entry);
    // By the descriptor: what is locked is what is held, wherever the path leads by now.
    entry.lock = await provider.lockDirectory(folder.base);
    return folder;
  };
  const release = () => {
    const all = held.splice(0).reverse();
    releaseAll(all.flatMap(({ folder, lock }) => [() => lock?.release(), () => folder.close()]));
  };
  try {
    const log = await hold(Folder.open(dir, allowSharedDirectory));
    if (tailRingDir === dir) return { log, ring: log, release };
    const other = Folder.open(tailRingDir, allowSharedDirectory);
    if (!other.isSameAs(log)) return { log, ring: await hold(other), release };
    other.close();
    return { log, ring: log, release };
  } catch (error) {
    const folders = held.map(({ folder }) => folder);
    release();
    throw folders.reduce((named, folder) => folder.named(named), error);
  }
}
