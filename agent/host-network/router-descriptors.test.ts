import { describe, expect, it } from '@jest/globals';
import { routerDescriptorsPart } from './router-descriptors.js';
import type { HostNetworkSpec, HostView } from './host-plan.js';
import { listUdpSockets } from './udp-sockets.js';

const spec = {
  tapName: 'heddle-tap',
  listenPort: 6785,
  router: { tapIndex: 7, tapQueues: 8, udpInodes: [301, 302] },
} as unknown as HostNetworkSpec;

function check(change: { index?: number; queues?: number; lines?: readonly string[] } = {}, of = spec) {
  const { index = 7, queues = 8, lines = [line('00000000', 301), line('00000000', 302)] } = change;
  const table = ['  sl  local_address ...', ...lines].join('\n');
  const view = {
    tap: () => Promise.resolve({ name: 'heddle-tap', index, settings: { numqueues: queues } }),
    udpSockets: () => listUdpSockets((path) => Promise.resolve(path.endsWith('udp') ? table : '')),
  };
  return routerDescriptorsPart.plan(of, view as unknown as HostView);
}

/** A line of `/proc/net/udp`, port 6785. */
function line(address: string, inode: number): string {
  return `  101: ${address}:1A81 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 0000000000000000 0`;
}

describe('the check of what the router serves', () => {
  it('passes when interface and sockets are the router’s', async () => {
    expect(await check()).toEqual([]);
  });

  it('passes without a router, whose absence is another condition', async () => {
    expect(await check({ index: 9 }, { ...spec, router: null })).toEqual([]);
  });

  it('fails when another interface has the name of the TAP', async () => {
    await expect(check({ index: 9 })).rejects.toThrow('heddle-tap is interface 9, and the router serves interface 7');
  });

  it('fails when another process holds queues of the TAP', async () => {
    await expect(check({ queues: 16 })).rejects.toThrow('has 16 queues, and the router serves 8');
  });

  it('fails when the router’s sockets are gone from this namespace', async () => {
    await expect(check({ lines: [line('00000000', 999)] })).rejects.toThrow('is not among those');
  });

  it('fails when another socket has the same address and port', async () => {
    const lines = [line('00000000', 301), line('00000000', 302), line('00000000', 999)];
    await expect(check({ lines })).rejects.toThrow('UDP port 6785 is shared');
  });

  it('passes when a socket on another address has the same port', async () => {
    const lines = [line('00000000', 301), line('00000000', 302), line('0100007F', 999)];
    expect(await check({ lines })).toEqual([]);
  });
});
