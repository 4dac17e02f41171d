/** Open descriptors of a process in words, from `/proc/PID/fd`: files by path, sockets by protocol and address. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

export interface OpenDescriptor {
  readonly fd: number;
  /** `/dev/net/tun`, `udp 6785`, `unix router.sock`, `unix` without a path, `eventpoll`, `eventfd`, `pipe`, ... */
  readonly what: string;
  /** Of the link in `/proc/PID/fd`: `socket:[INODE]`. */
  readonly target: string;
  readonly closedOnExec: boolean;
}

const O_CLOEXEC = 0o2000000;
/** Columns of `/proc/net/udp` and `/proc/net/tcp`. */
const LOCAL_ADDRESS = 1;
const INODE = 9;
/** Columns of `/proc/net/unix`. */
const UNIX_INODE = 6;
const UNIX_PATH = 7;

export function openDescriptors(pid: number): OpenDescriptor[] {
  const sockets = socketsSeenBy(pid);
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${name}`));
    const info = attempt(() => readFileSync(`/proc/${pid}/fdinfo/${name}`, 'utf8'));
    if (target === undefined || info === undefined) return [];
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '0', 8);
    return [{ fd: Number(name), target, what: describe(target, sockets), closedOnExec: (flags & O_CLOEXEC) !== 0 }];
  });
}

function describe(target: string, sockets: ReadonlyMap<string, string>): string {
  const [, kind, inode] = /^(socket|pipe|anon_inode):\[?([^\]]*)\]?$/.exec(target) ?? [];
  if (kind === 'socket') return sockets.get(inode!) ?? 'socket';
  if (kind === 'pipe') return 'pipe';
  return kind === 'anon_inode' ? inode! : target;
}

/** Sockets of the process's network namespace by inode. */
function socketsSeenBy(pid: number): Map<string, string> {
  const found = new Map<string, string>();
  for (const protocol of ['udp', 'udp6', 'tcp', 'tcp6']) {
    for (const columns of table(pid, protocol)) {
      const port = Number.parseInt(columns[LOCAL_ADDRESS]?.split(':')[1] ?? '', 16);
      found.set(columns[INODE] ?? '', `${protocol.slice(0, 3)} ${port}`);
    }
  }
  for (const columns of table(pid, 'unix')) {
    const path = columns[UNIX_PATH];
    found.set(columns[UNIX_INODE] ?? '', path === undefined ? 'unix' : `unix ${basename(path)}`);
  }
  return found;
}

function table(pid: number, protocol: string): string[][] {
  const lines = readFileSync(`/proc/${pid}/net/${protocol}`, 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

/** Undefined when the descriptor or the process is gone. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
