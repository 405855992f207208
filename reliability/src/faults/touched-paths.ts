/* What a process changes, by the paths of its system calls: strace on all of it, from its first instruction on. */
import fs from 'node:fs';

/** Calls that can change something or lock it, by a path or a descriptor; `openat` where its flags say so. */
const CHANGING = [
  'open',
  'openat',
  'openat2',
  'creat',
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'pwritev2',
  'sendfile',
  'copy_file_range',
  'splice',
  'fallocate',
  'truncate',
  'ftruncate',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'symlink',
  'symlinkat',
  'unlink',
  'unlinkat',
  'rmdir',
  'mkdir',
  'mkdirat',
  'mknod',
  'mknodat',
  'chmod',
  'fchmod',
  'fchmodat',
  'chown',
  'fchown',
  'lchown',
  'fchownat',
  'utime',
  'utimes',
  'utimensat',
  'futimesat',
  'setxattr',
  'lsetxattr',
  'fsetxattr',
  'flock',
  'mount',
  'chroot',
  'connect',
  'bind',
] as const;

/** Put in front of a program: writes all such calls of all its threads to a file. */
export function straceAll(log: string): string[] {
  const filter = ['-e', `trace=?${CHANGING.join(',?')}`, '-e', 'signal=none'];
  return ['strace', '-f', '--seccomp-bpf', '-qq', '-y', '-s', '4096', ...filter, '-o', log];
}

/** A call that has succeeded and may have changed something. */
export interface Touch {
  readonly name: string;
  /** The files it is about, as real paths; '' where it is about none, such as a pipe. */
  readonly paths: readonly string[];
  /** Of `open` and its like. */
  readonly flags: string;
  readonly text: string;
}

/** A call and its result, once the parts of it that other threads came between are together again. */
const CALL = /^\d+ +([a-z_0-9]+)\((.*)\) += (-?\d+)(?:<(.*)>)?/;

/** The calls of a trace that changed something. `/proc/self/fd/N/name` is told as what N was then. */
export function readTouches(log: string): Touch[] {
  const descriptors = new Map<string, string>();
  const touches: Touch[] = [];
  for (const line of wholeLines(fs.readFileSync(log, 'latin1'))) {
    const [, name = '', args = '', result = '', opened] = CALL.exec(line) ?? [];
    if (name === '' || Number(result) < 0) continue;
    if (opened !== undefined) descriptors.set(result, opened);
    const flags = /^(open|creat)/.test(name) ? (/O_[A-Z_|]+/.exec(args)?.[0] ?? '') : '';
    if (/^open/.test(name) && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/.test(flags)) continue;
    const named = [...args.matchAll(/(?:(\d+|AT_FDCWD)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g)];
    const paths = isByDescriptor(name)
      ? [/^\d+<([^>]*)>/.exec(args)?.[1] ?? '']
      : named.map(([, , base = '', path = '']) => realPath(path, base, descriptors));
    touches.push({ name, paths, flags, text: line });
  }
  return touches;
}

function isByDescriptor(name: string): boolean {
  return (
    /^(p?writev?(64|2)?|pwritev2|sendfile|copy_file_range|splice|fallocate|f[a-z]+)$/.test(name) &&
    !/at$/.test(name)
  );
}

function realPath(path: string, base: string, descriptors: ReadonlyMap<string, string>): string {
  const [, fd, rest = ''] = /^\/proc\/self\/fd\/(\d+)(.*)$/.exec(path) ?? [];
  if (fd !== undefined) return `${descriptors.get(fd) ?? path}${rest}`;
  return path.startsWith('/') ? path : `${base}/${path}`;
}

/** strace writes `call(... <unfinished ...>` and `<... call resumed>...` where threads come in between. */
function wholeLines(text: string): string[] {
  const begun = new Map<string, string>();
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const thread = line.split(' ', 1)[0] as string;
    const resumed = /^\d+ +<\.\.\. [a-z_0-9]+ resumed>(.*)$/.exec(line);
    if (line.endsWith('<unfinished ...>')) begun.set(thread, line.slice(0, -'<unfinished ...>'.length));
    else if (resumed !== null) lines.push(`${begun.get(thread) ?? ''}${resumed[1]}`);
    else lines.push(line);
  }
  return lines;
}
