import { afterAll, describe, expect, it } from '@jest/globals';
import { SystemCallError } from '../../common/errors.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from './arena.js';
import { sysClose, sysGetsockopt, sysRead } from './ffi.js';
import { AF_INET6, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_UNICAST_HOPS } from './linux-abi.js';
import { DatagramSocket, LOOPBACK, waitReadable } from '../testing/datagram-socket.js';
import { boundPort } from '../testing/socket-port.js';
import { negotiateUnderlay, openUnderlaySockets } from './underlay-socket.js';

const LANES = 3;
const arena = new Arena(1 << 17);
const buffer = arena.allocate(1 << 16);
const other = new DatagramSocket();
afterAll(() => other.close());

function optionOf(fd: number, level: number, name: number): number {
  const [value, length] = [buffer, buffer + 8];
  arena.u32[length >>> 2] = 4;
  expect(sysGetsockopt(fd, level, name, arena.base + value, arena.base + length)).toBe(0);
  return arena.u32[value >>> 2]!;
}

function freePort(): number {
  const probe = new DatagramSocket();
  probe.close();
  return probe.address.port;
}

describe('underlay sockets', () => {
  it('share the port, and each gets the datagrams of its lane', () => {
    const port = freePort();
    const { fds } = openUnderlaySockets({ address: LOOPBACK, port, count: LANES });
    expect(fds.map(boundPort)).toEqual([port, port, port]);
    const to = parseSocketAddress(LOOPBACK, port);
    for (let lane = 0; lane < 16; lane++) {
      other.send(to, Uint8Array.of(5, lane, 0, 1, ...new Uint8Array(28)));
      const fd = fds[lane % LANES]!;
      expect(waitReadable(arena, fd, 1000)).toBe(true);
      expect(sysRead(fd, arena.base + buffer, 1 << 16)).toBe(32);
      expect(arena.u8[buffer + 1]).toBe(lane);
    }
    for (const fd of fds) {
      expect(sysRead(fd, arena.base + buffer, 1 << 16)).toBe(-1);
      sysClose(fd);
    }
  });

  it('of several lanes send with hop limits of their own, so that no receiver coalesces their datagrams', () => {
    const { fds } = openUnderlaySockets({ address: '', port: freePort(), count: LANES });
    expect(fds.map((fd) => optionOf(fd, IPPROTO_IP, IP_TTL))).toEqual([64, 63, 62]);
    expect(fds.map((fd) => optionOf(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS))).toEqual([64, 63, 62]);
    for (const fd of fds) sysClose(fd);
  });

  it('hold both families, and report the offloads of the kernel', () => {
    const { fds } = openUnderlaySockets({ address: '', port: freePort(), count: 1 });
    expect(negotiateUnderlay(fds[0]!)).toEqual({ family: AF_INET6, gso: true, gro: true });
    sysClose(fds[0]!);
  });

  it('fail with the address and port that is taken', () => {
    const { port } = other.address;
    expect(() => openUnderlaySockets({ address: LOOPBACK, port, count: 1 })).toThrow(SystemCallError);
    expect(() => openUnderlaySockets({ address: LOOPBACK, port, count: 1 })).toThrow(`port ${port}`);
    expect(() => openUnderlaySockets({ address: '192.0.2.77', port, count: 1 })).toThrow(
      'no such address on this host',
    );
  });
});
