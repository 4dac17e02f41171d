import { describe, expect, it } from '@jest/globals';
import { listSocketDrops } from './udp-sockets.js';

/** A line of `/proc/net/udp6` for a socket on this port. */
const line = (port: number, drops: number) =>
  `  42: ${'0'.repeat(32)}:${port.toString(16).toUpperCase()} ${'0'.repeat(32)}:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0000000000000000 ${drops}`;
const onHost = (...lines: readonly string[]) => ({
  run: (_: string, [path = '']: readonly string[]) =>
    Promise.resolve(path.endsWith('udp6') ? ['  sl  local_address ...', ...lines].join('\n') : ''),
});

describe('datagrams that come while the queue of the socket is full', () => {
  it('are counted by the kernel for all lanes, and those of other ports are not ours', async () => {
    const host = onHost(line(6785, 3), line(53, 100), line(6785, 4));
    expect(await listSocketDrops(host, 6785)).toEqual({ socketQueueFull: 7 });
    expect(await listSocketDrops(onHost(line(6785, 0)), 6785)).toEqual({});
  });
});
