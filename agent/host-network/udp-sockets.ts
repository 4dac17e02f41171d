/**
 * UDP sockets of this network namespace, from `/proc/net/udp` and `/proc/net/udp6`. Read as those of the reading thread: the main
 * thread of the agent stays in namespaces of pods for moments (`router/kernel/network-namespace.ts`).
 */
import { readFile } from 'node:fs/promises';
import { ifItFails } from '../../common/host/command.js';
import { codeOf } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';

export interface UdpSocket {
  /** Local address as the kernel prints it: hexadecimal, in the byte order of the machine. */
  readonly address: string;
  readonly port: number;
  readonly inode: number;
  /** Datagrams that came while its queue was full. */
  readonly drops: number;
}

const FILES = ['/proc/thread-self/net/udp', '/proc/thread-self/net/udp6'];
const LOCAL_ADDRESS = 1;
const INODE = 9;
const DROPS = 12;

export async function listUdpSockets(read: (path: string) => Promise<string> = readTable): Promise<UdpSocket[]> {
  const tables = await Promise.all(FILES.map(read));
  return tables.flatMap((table) => table.trim().split('\n').slice(1).map(readLine));
}

/** By the name of the reason: datagrams to this port that the router did not read in time. Empty without drops. */
export async function listSocketDrops(
  commands: CommandRunner,
  port: number,
): Promise<Readonly<Record<string, number>>> {
  const read = (path: string) => ifItFails(commands.run('cat', [path]), '');
  const sockets = (await listUdpSockets(read)).filter((socket) => socket.port === port);
  const dropped = sockets.reduce((sum, { drops }) => sum + drops, 0);
  return dropped > 0 ? { socketQueueFull: dropped } : {};
}

/** A kernel without IPv6 has no table for it. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}

function readLine(line: string): UdpSocket {
  const columns = line.trim().split(/\s+/);
  const [address = '', port = ''] = columns[LOCAL_ADDRESS]?.split(':') ?? [];
  return {
    address,
    port: Number.parseInt(port, 16),
    inode: Number(columns[INODE]),
    drops: Number(columns[DROPS] ?? 0),
  };
}
