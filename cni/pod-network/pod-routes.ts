/**
 * Routes of a pod: cluster CIDRs are on-link, where pods of this node and the router answer ARP and neighbour discovery;
 * everything else goes through the gateway. Pure.
 */
import { cidrContains, cidrFamily, parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { PodAddress, PodRoute } from '../attachment.js';

export const DEFAULT_ROUTE = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') } as const;

/** On-link routes come first, since the default route depends on them. */
export function podRoutes(addresses: readonly PodAddress[], clusterCidrs: readonly Cidr[]): readonly PodRoute[] {
  return addresses.flatMap((address) => {
    const family = ipFamily(address.ip);
    const cluster = clusterCidrs.filter((cidr) => cidrFamily(cidr) === family);
    const coversGateway = cluster.some((cidr) => cidrContains(cidr, address.gateway));
    const onLink = coversGateway ? cluster : [address.cidr, ...cluster];
    return [
      ...[...new Set(onLink)].map((dst) => ({ dst, gateway: null, source: address.ip })),
      { dst: DEFAULT_ROUTE[family], gateway: address.gateway, source: address.ip },
    ];
  });
}
