/**
 * CIDR blocks as canonical text. A block with host bits set (`10.1.1.1/24`) is refused instead of rounded, because it is
 * probably a typing error.
 */
import type { Brand } from '../brand.js';
import { AddressError } from '../errors.js';
import { ADDRESS_BITS, ipFamily, ipFromBigInt, ipToBigInt, parseIpAddress } from './ip-address.js';
import type { IpAddress, IpFamily } from './ip-address.js';

export type Cidr = Brand<string, 'Cidr'>;

const SLASH = '/'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** Parses and canonicalises `address/prefix`. Throws {@link AddressError}. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  if (slash < 0) throw new AddressError(`"${text}" is not a CIDR (expected ADDRESS/PREFIX)`);
  const address = parseIpAddress(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  const prefix = Number(prefixText);
  const bits = ADDRESS_BITS[ipFamily(address)];
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || prefix > bits) {
    throw new AddressError(`"${text}" has prefix length "${prefixText}" (expected 0 to ${bits})`);
  }
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  if ((ipToBigInt(address) & hostMask) !== 0n) {
    const network = ipFromBigInt(ipToBigInt(address) & ~hostMask, ipFamily(address));
    throw new AddressError(`"${text}" has host bits set (did you mean ${network}/${prefix}?)`);
  }
  return `${address}/${prefix}` as Cidr;
}

export function cidrFamily(cidr: Cidr): IpFamily {
  return cidr.includes(':') ? 6 : 4;
}

/** Without a text of its own: asked for every claim of every member. */
export function cidrPrefix(cidr: Cidr): number {
  let prefix = 0;
  for (let at = cidr.length - 1, unit = 1; at > 0 && cidr.charCodeAt(at) !== SLASH; at--, unit *= 10) {
    prefix += (cidr.charCodeAt(at) - ZERO) * unit;
  }
  return prefix;
}

/** The block of all addresses of a family. */
export const DEFAULT_ROUTE = { 4: '0.0.0.0/0' as Cidr, 6: '::/0' as Cidr } as const;

/** The first address of the block. */
export function cidrNetwork(cidr: Cidr): IpAddress {
  return cidr.slice(0, cidr.indexOf('/')) as IpAddress;
}

/** Number of addresses in the block. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(ADDRESS_BITS[cidrFamily(cidr)] - cidrPrefix(cidr));
}

/** The address at `offset` from the network address; throws {@link AddressError} when outside the block. */
export function cidrAddressAt(cidr: Cidr, offset: bigint): IpAddress {
  if (offset < 0n || offset >= cidrSize(cidr)) throw new AddressError(`offset ${offset} is outside ${cidr}`);
  return ipFromBigInt(ipToBigInt(cidrNetwork(cidr)) + offset, cidrFamily(cidr));
}

/** The block of this address alone. */
export function hostCidr(address: IpAddress): Cidr {
  return `${address}/${ADDRESS_BITS[ipFamily(address)]}` as Cidr;
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  if (cidrFamily(cidr) !== ipFamily(address)) return false;
  const offset = ipToBigInt(address) - ipToBigInt(cidrNetwork(cidr));
  return offset >= 0n && offset < cidrSize(cidr);
}

/** True when `inner` lies wholly within `outer`. */
export function cidrIncludes(outer: Cidr, inner: Cidr): boolean {
  return cidrPrefix(outer) <= cidrPrefix(inner) && cidrContains(outer, cidrNetwork(inner));
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrIncludes(a, b) || cidrIncludes(b, a);
}

/** Default gateway of the pods of a pod CIDR: the address after the network address. The bridge has it. */
export function gatewayOf(cidr: Cidr): IpAddress {
  return cidrAddressAt(cidr, 1n);
}
