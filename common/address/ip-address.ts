/**
 * IPv4 and IPv6 addresses as canonical text (RFC 5952 for IPv6), usable as map keys, with integer arithmetic for the control
 * plane. Refused are all forms that `net.isIP` refuses (octal, hexadecimal and short ones, as `010.1.1.1` and `1.2.3`), and
 * zone identifiers.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Brand } from '../brand.js';
import { AddressError } from '../errors.js';

export type IpAddress = Brand<string, 'IpAddress'>;
export const IP_FAMILIES = [4, 6] as const;
export type IpFamily = (typeof IP_FAMILIES)[number];

export const ADDRESS_BITS = { 4: 32, 6: 128 } as const;

/** Parses and canonicalises. Throws {@link AddressError}. */
export function parseIpAddress(text: string): IpAddress {
  if (isIPv4(text)) return text as IpAddress;
  if (isIPv6(text) && !text.includes('%')) return formatIpv6(ipv6ToBigInt(text)) as IpAddress;
  throw new AddressError(
    `"${text}" is not an IP address (expected 4 decimal numbers 0-255 without leading zeros, or IPv6)`,
  );
}

export function ipFamily(address: IpAddress): IpFamily {
  return address.includes(':') ? 6 : 4;
}

/** The address as an unsigned integer of 32 or 128 bits. */
export function ipToBigInt(address: IpAddress): bigint {
  if (ipFamily(address) === 6) return ipv6ToBigInt(address);
  return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** Inverse of {@link ipToBigInt}; throws {@link AddressError} when out of range. */
export function ipFromBigInt(value: bigint, family: IpFamily): IpAddress {
  if (value < 0n || value >> BigInt(ADDRESS_BITS[family]) !== 0n) {
    throw new AddressError(`${value} is outside the IPv${family} address space`);
  }
  if (family === 6) return formatIpv6(value) as IpAddress;
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.') as IpAddress;
}

/** Network-order bytes, 4 or 16. */
export function ipToBytes(address: IpAddress): Uint8Array {
  const bytes = ADDRESS_BITS[ipFamily(address)] / 8;
  let value = ipToBigInt(address);
  const out = new Uint8Array(bytes);
  for (let i = bytes - 1; i >= 0; i--, value >>= 8n) out[i] = Number(value & 0xffn);
  return out;
}

/** From 4 or 16 network-order bytes; an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) becomes IPv4. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new AddressError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (bytes.length === 16 && value >> 32n === 0xffffn) return ipFromBigInt(value & 0xffffffffn, 4);
  return ipFromBigInt(value, bytes.length === 4 ? 4 : 6);
}

function ipv6ToBigInt(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const left = ipv6Groups(head);
  const right = tail === undefined ? [] : ipv6Groups(tail);
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function ipv6Groups(part: string): bigint[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const v4 = ipToBigInt(group as IpAddress);
    return [v4 >> 16n, v4 & 0xffffn];
  });
}

/** RFC 5952: lower case, no leading zeros, the longest (first) run of two or more zero groups as `::`. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt((7 - i) * 16)) & 0xffffn));
  let best = { start: 0, length: 0 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
