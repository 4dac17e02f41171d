/**
 * Address block of a policy with its exceptions, as ranges of addresses. The API server takes CIDRs with host bits set and IPv4
 * numbers with leading zeros (`010.0.0.1/8` is 10.0.0.0/8), so they are read the same way here.
 */
import { cidrContains, cidrFamily, cidrNetwork, cidrSize, parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFamily, ipFromBigInt, ipToBigInt, parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';

export interface IpBlock {
  readonly cidr: Cidr;
  readonly except: readonly Cidr[];
}

/** Numbers from `first` to `last`: addresses, or ports. */
export interface NumberRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** As the API server reads it. Throws AddressError. */
export function readBlockCidr(text: string): Cidr {
  const [address = '', prefix = ''] = text.split('/', 2);
  const plain = address.includes(':') ? address : address.replace(/\b0+(?=\d)/g, '');
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  const ip = parseIpAddress(plain);
  const hostBits = ADDRESS_BITS[ipFamily(ip)] - bits;
  if (bits < 0 || hostBits < 0) return parseCidr(text); // throws, with what is wrong
  const network = (ipToBigInt(ip) >> BigInt(hostBits)) << BigInt(hostBits);
  return parseCidr(`${ipFromBigInt(network, ipFamily(ip))}/${bits}`);
}

export function blockContains({ cidr, except }: IpBlock, ip: IpAddress): boolean {
  return cidrContains(cidr, ip) && !except.some((hole) => cidrContains(hole, ip));
}

/** All addresses of the blocks of one family, in order, without ranges that touch. */
export function rangesOf(blocks: readonly IpBlock[], family: IpFamily): NumberRange[] {
  return joinRanges(blocks.filter(({ cidr }) => cidrFamily(cidr) === family).flatMap(withoutExceptions));
}

/** The same numbers, in order, without ranges that touch. */
export function joinRanges(ranges: readonly NumberRange[]): NumberRange[] {
  const joined: NumberRange[] = [];
  for (const range of [...ranges].sort(byFirst)) {
    const before = joined.at(-1);
    if (before === undefined || range.first > before.last + 1n) joined.push(range);
    else if (range.last > before.last) joined[joined.length - 1] = { first: before.first, last: range.last };
  }
  return joined;
}

function withoutExceptions({ cidr, except }: IpBlock): NumberRange[] {
  const { last } = rangeOf(cidr);
  let { first } = rangeOf(cidr);
  const left: NumberRange[] = [];
  for (const hole of except
    .filter((one) => cidrFamily(one) === cidrFamily(cidr))
    .map(rangeOf)
    .sort(byFirst)) {
    if (hole.last < first || hole.first > last) continue;
    if (hole.first > first) left.push({ first, last: hole.first - 1n });
    first = hole.last + 1n;
  }
  if (first <= last) left.push({ first, last });
  return left;
}

function rangeOf(cidr: Cidr): NumberRange {
  const first = ipToBigInt(cidrNetwork(cidr));
  return { first, last: first + cidrSize(cidr) - 1n };
}

function byFirst(a: NumberRange, b: NumberRange): number {
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}
