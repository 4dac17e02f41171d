/** Names and addresses of a crowd, computed from its size alone. Pure. */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';

/** What the pod CIDRs of a crowd and of the node it meets lie in. */
export const CROWD_CLUSTER_CIDR = '10.32.0.0/12';
/** The underlay: the node under test is its first address, members begin in the second /24. */
export const CROWD_UNDERLAY = { node: '10.77.0.1', prefix: 16 } as const;
/** 10.33.0.0/24 to 10.47.255.0/24. */
export const MAX_CROWD = 3840;
/** Members of one /24 of the underlay: .1 to .250. */
const PER_BLOCK = 250;

export interface MemberPlan {
  readonly name: string;
  readonly address: IpAddress;
  readonly podCidr: Cidr;
}

/** @param size up to {@link MAX_CROWD} */
export function planCrowd(size: number): MemberPlan[] {
  return Array.from({ length: size }, (_, i) => ({
    name: `crowd-${i + 1}`,
    address: parseIpAddress(`10.77.${1 + Math.floor(i / PER_BLOCK)}.${1 + (i % PER_BLOCK)}`),
    podCidr: parseCidr(`10.${33 + (i >> 8)}.${i & 0xff}.0/24`),
  }));
}
