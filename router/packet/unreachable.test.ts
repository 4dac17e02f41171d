import { describe, expect, it } from '@jest/globals';
import { Arena } from '../kernel/arena.js';
import { fold, pseudoHeaderSum, sumWords } from './checksum.js';
import { Unreachable } from './unreachable.js';

const FRAME = 1024 + 10;
const IP = FRAME + 14;
const GATEWAY4 = Uint8Array.of(10, 1, 0, 1);
const GATEWAY6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : i === 0 ? 0xfd : 0));

function frame(ipv6: boolean, protocol: number, firstPayloadByte = 0): { arena: Arena; unreachable: Unreachable } {
  const arena = new Arena(1 << 16);
  arena.allocate(4096);
  arena.u8.set([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], FRAME);
  if (ipv6) {
    arena.u8.set([0x60, 0, 0, 0, 0, 24, protocol, 64], IP);
    arena.u8.fill(7, IP + 8, IP + 24);
    arena.u8[IP + 40] = firstPayloadByte;
  } else {
    arena.u8.set([0x45, 0, 0, 44, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 1, 0, 5, 10, 2, 0, 5], IP);
    arena.u8[IP + 20] = firstPayloadByte;
  }
  return { arena, unreachable: new Unreachable(arena) };
}

describe('the ICMP error about a frame that cannot be forwarded', () => {
  it('is an ICMP host unreachable from the gateway that quotes the packet', () => {
    const { arena, unreachable } = frame(false, 17);
    const bytes = unreachable.write(FRAME, 14 + 44, IP, false, GATEWAY4, 0);
    const at = unreachable.at + 10;
    expect(bytes).toBe(10 + 14 + 20 + 8 + 28);
    expect([...arena.u8.subarray(at, at + 6)]).toEqual([2, 2, 2, 2, 2, 2]);
    expect([...arena.u8.subarray(at + 14 + 12, at + 14 + 20)]).toEqual([10, 1, 0, 1, 10, 1, 0, 5]);
    expect([...arena.u8.subarray(at + 34, at + 36)]).toEqual([3, 1]);
    expect(fold(sumWords(arena.u8, at + 34, 8 + 28, 0))).toBe(0xffff);
    expect(fold(sumWords(arena.u8, at + 14, 20, 0))).toBe(0xffff);
    expect(arena.u8.subarray(at + 42, at + 70)).toEqual(arena.u8.subarray(IP, IP + 28));
  });

  it('is an ICMPv6 address unreachable with a right checksum', () => {
    const { arena, unreachable } = frame(true, 17);
    const bytes = unreachable.write(FRAME, 14 + 64, IP, true, GATEWAY6, 0);
    const ip = unreachable.at + 24;
    expect(bytes).toBe(24 + 40 + 8 + 64);
    expect([...arena.u8.subarray(ip + 40, ip + 42)]).toEqual([1, 3]);
    expect(fold(sumWords(arena.u8, ip + 40, 72, pseudoHeaderSum(arena.u8, ip, true, 58, 72)))).toBe(0xffff);
  });

  it.each([
    ['an ICMP error', false, 1, 3],
    ['an ICMPv6 error', true, 58, 1],
  ])('is never given to %s', (_, ipv6, protocol, type) => {
    const { unreachable } = frame(ipv6, protocol, type);
    expect(unreachable.write(FRAME, 14 + 64, IP, ipv6, ipv6 ? GATEWAY6 : GATEWAY4, 0)).toBe(0);
  });

  it('is not sent about a later fragment, nor without a gateway address', () => {
    const { arena, unreachable } = frame(false, 17);
    expect(unreachable.write(FRAME, 58, IP, false, null, 0)).toBe(0);
    arena.u8[IP + 7] = 100;
    expect(unreachable.write(FRAME, 58, IP, false, GATEWAY4, 0)).toBe(0);
  });

  it('is sent at a bounded rate', () => {
    const { unreachable } = frame(false, 17);
    const answersAt = (nowMs: number) =>
      Array.from({ length: 1000 }, () => unreachable.write(FRAME, 58, IP, false, GATEWAY4, nowMs)).filter((n) => n > 0)
        .length;
    expect(answersAt(0)).toBe(20);
    expect(answersAt(100)).toBe(10);
  });
});
