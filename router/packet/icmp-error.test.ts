import { describe, expect, it } from '@jest/globals';
import { Arena } from '../kernel/arena.js';
import { fold, pseudoHeaderSum, sumWords } from './checksum.js';
import { HOST_UNREACHABLE, IcmpErrors, SOURCE_REFUSED } from './icmp-error.js';

const IP = 1024 + 24;
const IPV4_BYTES = 44;
const IPV6_BYTES = 64;
const GATEWAY4 = Uint8Array.of(10, 1, 0, 1);
const GATEWAY6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : i === 0 ? 0xfd : 0));

interface Sample {
  readonly arena: Arena;
  readonly errors: IcmpErrors;
}

function packet(ipv6: boolean, protocol: number, firstPayloadByte = 0): Sample {
  const arena = new Arena(1 << 16);
  arena.allocate(4096);
  if (ipv6) {
    arena.u8.set([0x60, 0, 0, 0, 0, 24, protocol, 64], IP);
    arena.u8.fill(7, IP + 8, IP + 40);
    arena.u8[IP + 40] = firstPayloadByte;
  } else {
    arena.u8.set([0x45, 0, 0, 44, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 1, 0, 5, 10, 2, 0, 5], IP);
    arena.u8[IP + 20] = firstPayloadByte;
  }
  return { arena, errors: new IcmpErrors(arena) };
}

const about4 = ({ errors }: Sample, nowMs = 0): number =>
  errors.write(HOST_UNREACHABLE, IP, IPV4_BYTES, GATEWAY4, nowMs);
const about6 = ({ errors }: Sample): number => errors.write(HOST_UNREACHABLE, IP, IPV6_BYTES, GATEWAY6, 0);

describe('the error about a packet that is not forwarded', () => {
  it('is an ICMP host unreachable to the node, from the gateway, that quotes the packet', () => {
    const sample = packet(false, 17);
    const { arena, errors } = sample;
    expect(about4(sample)).toBe(10 + 14 + 20 + 8 + 28);
    const at = errors.at + 10;
    const ethernet = Buffer.from(arena.u8.subarray(at, at + 14)).toString('hex');
    expect(ethernet).toBe('0a5a00000001' + '0a5a00000002' + '0800');
    expect([...arena.u8.subarray(at + 14 + 12, at + 14 + 20)]).toEqual([10, 1, 0, 1, 10, 1, 0, 5]);
    expect([...arena.u8.subarray(at + 34, at + 36)]).toEqual([3, 1]);
    expect(fold(sumWords(arena.u8, at + 34, 8 + 28, 0))).toBe(0xffff);
    expect(fold(sumWords(arena.u8, at + 14, 20, 0))).toBe(0xffff);
    expect(arena.u8.subarray(at + 42, at + 70)).toEqual(arena.u8.subarray(IP, IP + 28));
  });

  it('is an ICMPv6 address unreachable with a right checksum', () => {
    const sample = packet(true, 17);
    const { arena, errors } = sample;
    expect(about6(sample)).toBe(24 + 40 + 8 + 64);
    const ip = errors.at + 24;
    expect([...arena.u8.subarray(ip + 40, ip + 42)]).toEqual([1, 3]);
    expect(fold(sumWords(arena.u8, ip + 40, 72, pseudoHeaderSum(arena.u8, ip, true, 58, 72)))).toBe(0xffff);
  });

  it('says that the source is refused, in both families', () => {
    const v4 = packet(false, 17);
    v4.errors.write(SOURCE_REFUSED, IP, IPV4_BYTES, GATEWAY4, 0);
    expect([...v4.arena.u8.subarray(v4.errors.at + 44, v4.errors.at + 46)]).toEqual([3, 13]);
    const v6 = packet(true, 17);
    v6.errors.write(SOURCE_REFUSED, IP, IPV6_BYTES, GATEWAY6, 0);
    expect([...v6.arena.u8.subarray(v6.errors.at + 64, v6.errors.at + 66)]).toEqual([1, 5]);
  });

  it('leaves nothing of the error before it', () => {
    const { arena, errors } = packet(true, 17);
    errors.write(HOST_UNREACHABLE, IP, IPV6_BYTES, GATEWAY6, 0);
    arena.u8.set([0x45, 0, 0, 44, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 5, 10, 2, 0, 5], IP);
    errors.write(HOST_UNREACHABLE, IP, IPV4_BYTES, GATEWAY4, 0);
    expect([...arena.u8.subarray(errors.at + 22, errors.at + 24)]).toEqual([8, 0]);
    expect(fold(sumWords(arena.u8, errors.at + 24, 20, 0))).toBe(0xffff);
  });

  it.each([
    ['an ICMP error', false, 1, 3],
    ['an ICMPv6 error', true, 58, 1],
  ])('is never sent about %s', (_, ipv6, protocol, type) => {
    const sample = packet(ipv6, protocol, type);
    expect(ipv6 ? about6(sample) : about4(sample)).toBe(0);
  });

  it('is never sent about a later fragment, nor without a gateway address', () => {
    const sample = packet(false, 17);
    expect(sample.errors.write(HOST_UNREACHABLE, IP, IPV4_BYTES, null, 0)).toBe(0);
    sample.arena.u8[IP + 7] = 100;
    expect(about4(sample)).toBe(0);
  });

  it.each([
    ['from nobody', 12, [0, 0, 0, 0]],
    ['from a loopback address', 12, [127, 0, 0, 1]],
    ['from a multicast address', 12, [224, 0, 0, 1]],
    ['to a multicast address', 16, [239, 1, 1, 1]],
    ['to everybody', 16, [255, 255, 255, 255]],
  ])('is never sent about a packet %s', (_what, at, address) => {
    const sample = packet(false, 17);
    sample.arena.u8.set(address, IP + at);
    expect(about4(sample)).toBe(0);
  });

  it.each([
    ['from nobody', 8, 0],
    ['from a multicast address', 8, 0xff],
    ['to a multicast address', 24, 0xff],
  ])('is never sent about an IPv6 packet %s', (_what, at, first) => {
    const sample = packet(true, 17);
    sample.arena.u8.fill(0, IP + at, IP + at + 16);
    sample.arena.u8[IP + at] = first;
    expect(about6(sample)).toBe(0);
  });

  it('comes at a bounded rate', () => {
    const sample = packet(false, 17);
    const sentAt = (nowMs: number) =>
      Array.from({ length: 1000 }, () => about4(sample, nowMs)).filter((bytes) => bytes > 0).length;
    expect(sentAt(0)).toBe(20);
    expect(sentAt(100)).toBe(10);
  });
});
