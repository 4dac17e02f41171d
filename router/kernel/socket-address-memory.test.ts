import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { ipFromBytes } from '../../common/address/ip-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from './arena.js';
import { AF_INET, AF_INET6, SOCKADDR_ROOM } from './linux-abi.js';
import {
  readSocketAddress,
  sameSocketAddressMemory,
  socketAddressBytes,
  writeSocketAddress,
} from './socket-address-memory.js';

const arena = new Arena(4096);
const A = arena.allocate(SOCKADDR_ROOM);
const B = arena.allocate(SOCKADDR_ROOM);
const hexAt = (at: number, bytes: number): string => Buffer.from(arena.u8.subarray(at, at + bytes)).toString('hex');

const address = fc
  .tuple(fc.constantFrom(4, 16), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 1, max: 65535 }))
  .map(([length, bytes, port]) => ({ ip: ipFromBytes(bytes.subarray(0, length)), port }));

describe('socket addresses in memory', () => {
  it('are laid out as struct sockaddr_in6, IPv4 mapped in', () => {
    expect(writeSocketAddress(arena, A, parseSocketAddress('192.0.2.7', 6785), AF_INET6)).toBe(true);
    expect(hexAt(A, socketAddressBytes(AF_INET6))).toBe('0a001a810000000000000000000000000000ffffc000020700000000');
    expect(writeSocketAddress(arena, A, parseSocketAddress('2001:db8::7', 6785), AF_INET6)).toBe(true);
    expect(hexAt(A, socketAddressBytes(AF_INET6))).toBe('0a001a810000000020010db800000000000000000000000700000000');
  });

  it('are laid out as struct sockaddr_in where the socket has only IPv4', () => {
    expect(writeSocketAddress(arena, A, parseSocketAddress('192.0.2.7', 6785), AF_INET)).toBe(true);
    expect(hexAt(A, socketAddressBytes(AF_INET))).toBe('02001a81c00002070000000000000000');
    expect(writeSocketAddress(arena, A, parseSocketAddress('2001:db8::7', 6785), AF_INET)).toBe(false);
  });

  it('read back as they were written', () => {
    fc.assert(
      fc.property(address, fc.constantFrom(AF_INET, AF_INET6), (written, family) => {
        if (writeSocketAddress(arena, A, written, family)) expect(readSocketAddress(arena, A)).toEqual(written);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('are the same when address and port are, whatever the flow label and scope', () => {
    fc.assert(
      fc.property(address, address, fc.constantFrom(AF_INET, AF_INET6), (one, other, family) => {
        if (!writeSocketAddress(arena, A, one, family) || !writeSocketAddress(arena, B, other, family)) return;
        const equal = one.ip === other.ip && one.port === other.port;
        expect(sameSocketAddressMemory(arena, A, B, family)).toBe(equal);
        expect(sameSocketAddressMemory(arena, A, A, family)).toBe(true);
      }),
      { numRuns: fuzzRuns(40) },
    );
    const spoken = parseSocketAddress('2001:db8::7', 6785);
    writeSocketAddress(arena, A, spoken, AF_INET6);
    writeSocketAddress(arena, B, spoken, AF_INET6);
    arena.u8.fill(0xff, B + 4, B + 8);
    arena.u8.fill(0xff, B + 24, B + 28);
    expect(sameSocketAddressMemory(arena, A, B, AF_INET6)).toBe(true);
    for (const at of [2, 8, 15, 23]) {
      writeSocketAddress(arena, B, spoken, AF_INET6);
      arena.u8[B + at]! ^= 1;
      expect(sameSocketAddressMemory(arena, A, B, AF_INET6)).toBe(false);
    }
  });
});
