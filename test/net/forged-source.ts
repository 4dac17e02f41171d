/** UDP sockets with source addresses of other hosts. Needs root. */
import koffi from 'koffi';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { DemoError } from '../../common/errors.js';

const SOL_IP = 0;
/** `linux/in.h` */
const IP_TRANSPARENT = 19;

const setsockopt = koffi
  .load('libc.so.6')
  .func('int setsockopt(int fd, int level, int name, int *value, uint length)') as (...args: unknown[]) => number;

/** @param ip of any host, with `net.ipv4.ip_nonlocal_bind` @param port 0 for any */
export async function forgedSocket(ip: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, ip);
  await once(socket, 'listening');
  // Node has no name for it: the descriptor is a property of the handle.
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  if (setsockopt(fd, SOL_IP, IP_TRANSPARENT, [1], 4) !== 0) throw new DemoError(`no datagrams may come from ${ip}`);
  return socket;
}
