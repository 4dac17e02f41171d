/** The port of a socket that was bound to port 0, as `/proc` tells it. */
import { readFileSync, readlinkSync } from 'node:fs';
import { assert } from '../../common/errors.js';

export function boundPort(fd: number): number {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  const lines = ['udp', 'udp6'].flatMap((name) => readFileSync(`/proc/self/net/${name}`, 'utf8').split('\n'));
  // Fields: number, local address:port, remote, state, queues, timer, retransmits, user, timeout, inode.
  const fields = lines.map((line) => line.trim().split(/\s+/)).find((words) => words[9] === inode);
  const port = fields?.[1]?.split(':')[1];
  assert(port !== undefined, `the UDP socket ${fd} is in /proc/net`);
  return parseInt(port, 16);
}
