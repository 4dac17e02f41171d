/** Routes of a pod: its gateway is its one neighbour, and everything goes through it. Pure. */
import { DEFAULT_ROUTE, hostCidr } from '../../common/address/cidr.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { PodAddress, PodRoute } from '../attachment.js';

/** On-link routes come first, since the default route depends on them. */
export function podRoutes(addresses: readonly PodAddress[]): readonly PodRoute[] {
  return addresses.flatMap(({ ip, gateway }) => [
    { dst: hostCidr(gateway), gateway: null, source: ip },
    { dst: DEFAULT_ROUTE[ipFamily(ip)], gateway, source: ip },
  ]);
}
