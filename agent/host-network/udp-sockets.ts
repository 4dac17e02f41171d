/** UDP sockets of this network namespace, from `/proc/net/udp` and `/proc/net/udp6`. */
import { readFile } from 'node:fs/promises';

export interface UdpSocket {
  /** Local address as the kernel prints it: hexadecimal, in the byte order of the machine. */
  readonly address: string;
  readonly port: number;
  readonly inode: number;
}

const FILES = ['/proc/net/udp', '/proc/net/udp6'];
const LOCAL_ADDRESS = 1;
const INODE = 9;

export async function listUdpSockets(read: (path: string) => Promise<string> = readTable): Promise<UdpSocket[]> {
  const tables = await Promise.all(FILES.map(read));
  return tables.flatMap((table) => table.trim().split('\n').slice(1).map(readLine));
}

/** A kernel without IPv6 has no table for it. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw thrown;
  }
}

function readLine(line: string): UdpSocket {
  const columns = line.trim().split(/\s+/);
  const [address = '', port = ''] = columns[LOCAL_ADDRESS]?.split(':') ?? [];
  return { address, port: Number.parseInt(port, 16), inode: Number(columns[INODE]) };
}
