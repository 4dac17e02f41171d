import { describe, expect, it } from '@jest/globals';
import { isNeighbourDiscovery } from './neighbour-discovery.js';

const IPV6_BYTES = 40;

/** An IPv6 packet whose first header after the fixed one is `next`. */
function packet(next: number, ...rest: number[]): Uint8Array {
  const bytes = new Uint8Array(IPV6_BYTES + rest.length);
  bytes[0] = 0x60;
  bytes[6] = next;
  bytes.set(rest, IPV6_BYTES);
  return bytes;
}

const isFound = (bytes: Uint8Array): boolean => isNeighbourDiscovery(bytes, 0, bytes.length);
/** An extension header of 8 bytes. */
const extension = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];

describe('isNeighbourDiscovery', () => {
  it.each([
    ['a router solicitation', 133],
    ['a router advertisement', 134],
    ['a neighbour solicitation', 135],
    ['a neighbour advertisement', 136],
    ['a redirect', 137],
  ])('finds %s, also behind extension headers', (_what, type) => {
    expect(isFound(packet(58, type, 0, 0, 0))).toBe(true);
    expect(isFound(packet(0, ...extension(43), ...extension(60), ...extension(58), type, 0))).toBe(true);
  });

  it('takes a packet with more extension headers than it looks behind for one', () => {
    expect(isFound(packet(60, ...Array.from({ length: 9 }, () => extension(60)).flat()))).toBe(true);
  });

  it.each([
    ['an echo request', packet(58, 128, 0, 0, 0)],
    ['a multicast listener report', packet(58, 131, 0, 0, 0)],
    ['TCP', packet(6, 135, 0, 0, 0)],
    ['UDP', packet(17, 135, 0, 0, 0)],
    ['a packet that ends before its ICMPv6 header', packet(58)],
    ['a packet that ends within an extension header', packet(0, 58, 0, 0)],
  ])('does not take %s for one', (_what, bytes) => {
    expect(isFound(bytes)).toBe(false);
  });
});
