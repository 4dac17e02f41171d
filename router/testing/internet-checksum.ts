/** Reference of `checksum.ts`: one's complement sums (RFC 1071) over copies, without offsets. */

/** The 16-bit one's complement sum of big-endian words; an odd last byte counts as a high byte. */
export function onesComplementSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

export function internetChecksum(bytes: Uint8Array): number {
  return 0xffff - onesComplementSum(bytes);
}

/** The bytes of the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1). */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array {
  const tail = source.length === 4 ? [0, protocol, length >>> 8, length & 255] : lengthAndProtocol(length, protocol);
  return Uint8Array.of(...source, ...destination, ...tail);
}

function lengthAndProtocol(length: number, protocol: number): number[] {
  return [length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255, 0, 0, 0, protocol];
}
