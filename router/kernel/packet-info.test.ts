import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { Arena } from './arena.js';
import { AF_INET, AF_INET6, CMSG_ROOM } from './linux-abi.js';
import { localAddressIn, localAddressOf, readLocalAddress, writePacketInfo } from './packet-info.js';

const V4 = parseIpAddress('192.0.2.1');
const V6 = parseIpAddress('2001:db8::1');
const LOCAL = 256;
const CONTROL = LOCAL + CMSG_ROOM;

describe('a local address', () => {
  it.each([
    ['IPv4 at an IPv4-only socket', V4, AF_INET],
    ['IPv4 at an IPv6 socket', V4, AF_INET6],
    ['IPv6', V6, AF_INET6],
  ] as const)('is the same on its way through the control message: %s', (_, ip, family) => {
    const arena = new Arena(4096);
    arena.u8.fill(0xaa);
    arena.u8.set(localAddressOf(ip, family)!, LOCAL);
    writePacketInfo(arena, CONTROL, LOCAL, family);
    expect(readLocalAddress(arena, localAddressIn(arena, CONTROL), family)).toBe(ip);
  });

  it('of IPv6 is none of an IPv4-only socket', () => {
    expect(localAddressOf(V6, AF_INET)).toBeNull();
  });
});
