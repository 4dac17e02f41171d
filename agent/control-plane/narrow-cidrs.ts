/**
 * Pod CIDRs of peers whose pods take smaller packets than this node's, by their adverts. The node gets a route with that MTU to
 * each, so that a sender hears of it from its own node, with the first packet.
 */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';

/** The least MTU of IPv6 (RFC 8200, 5), which every pod has. */
const MIN_MTU_BYTES = 1280;
/** Beyond, no route is made: the far node then answers what is too large. */
const MAX_NARROW_CIDRS = 1024;

export interface NarrowCidr {
  readonly cidr: Cidr;
  readonly mtuBytes: number;
}

interface OwnedCidr {
  readonly cidr: Cidr;
  readonly owner: NodeId;
  readonly podMtuBytes: number | null;
}

export function narrowCidrs(routes: readonly OwnedCidr[], self: NodeId, podMtuBytes: number): NarrowCidr[] {
  return routes
    .filter(({ owner }) => owner !== self)
    .map(({ cidr, podMtuBytes: mtu }) => ({ cidr, mtuBytes: Math.max(MIN_MTU_BYTES, mtu ?? podMtuBytes) }))
    .filter(({ mtuBytes }) => mtuBytes < podMtuBytes)
    .slice(0, MAX_NARROW_CIDRS);
}
