/**
 * Internet checksums (RFC 1071) of headers that the router changes: IPv4 headers, the pseudo-header sums that checksum offload
 * expects in TCP and UDP, and ICMPv6. Pseudo-headers: RFC 9293 3.1, RFC 8200 8.1.
 */

/** Adds big-endian 16-bit words of `length` bytes at `at` to `sum`; an odd last byte counts as high byte. */
export function sumWords(u8: Uint8Array, at: number, length: number, sum: number): number {
  const even = at + (length & ~1);
  for (let i = at; i < even; i += 2) sum += (u8[i]! << 8) | u8[i + 1]!;
  return (length & 1) === 0 ? sum : sum + (u8[even]! << 8);
}

/** Folds carries into 16 bits. */
export function fold(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/** Recomputes the checksum of the IPv4 header at `l3`. */
export function writeIpv4Checksum(u8: Uint8Array, l3: number): void {
  u8[l3 + 10] = 0;
  u8[l3 + 11] = 0;
  const checksum = ~fold(sumWords(u8, l3, (u8[l3]! & 15) * 4, 0)) & 0xffff;
  u8[l3 + 10] = checksum >>> 8;
  u8[l3 + 11] = checksum;
}

/** The folded, not complemented pseudo-header sum that an offloaded checksum field starts from. */
export function pseudoHeaderSum(u8: Uint8Array, l3: number, ipv6: boolean, protocol: number, l4Length: number): number {
  const sum = ipv6 ? sumWords(u8, l3 + 8, 32, protocol) : sumWords(u8, l3 + 12, 8, protocol);
  return fold(sum + (l4Length & 0xffff) + (l4Length >>> 16));
}

/** Writes {@link pseudoHeaderSum} into the checksum field at `field`. */
export function writePartialChecksum(
  u8: Uint8Array,
  l3: number,
  ipv6: boolean,
  protocol: number,
  l4Length: number,
  field: number,
): void {
  const sum = pseudoHeaderSum(u8, l3, ipv6, protocol, l4Length);
  u8[field] = sum >>> 8;
  u8[field + 1] = sum;
}

/** Completes an ICMPv6 checksum over `length` bytes at `l4`, whose checksum field holds zero. */
export function writeIcmpv6Checksum(u8: Uint8Array, l3: number, l4: number, length: number): void {
  const checksum = ~fold(sumWords(u8, l4, length, pseudoHeaderSum(u8, l3, true, 58, length))) & 0xffff;
  u8[l4 + 2] = checksum >>> 8;
  u8[l4 + 3] = checksum;
}
