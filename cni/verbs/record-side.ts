/** Host's side and addresses with gateways that a record stands for, under the settings in force. Pure. */
import { cidrContains, gatewayOf } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { EndpointRecord, PodAddress, PodRoute } from '../attachment.js';
import { podRoutes } from '../pod-network/pod-routes.js';
import type { HostSide, NetworkSettings } from '../deps.js';

export function hostSideOf(
  { hostInterface, mac, ips }: EndpointRecord,
  { bridge, podCidrs }: NetworkSettings,
): HostSide {
  const addresses = ips.map((ip) => {
    const cidr = podCidrs.find((candidate) => cidrContains(candidate, ip));
    return { ip, gateway: cidr === undefined ? null : gatewayOf(cidr) };
  });
  return { hostInterface, bridge, mac, addresses };
}

/** Routes inside the pod. @param ips those of its addresses that it still has */
export function podRoutesOf(
  record: EndpointRecord,
  ips: readonly IpAddress[],
  settings: NetworkSettings,
): readonly PodRoute[] {
  return podRoutes(record, podAddressesOf(ips, settings), record.routing, settings.clusterCidrs);
}

/** Without those that are in no pod CIDR of this node, which has no gateway for them. */
export function podAddressesOf(ips: readonly IpAddress[], { podCidrs }: NetworkSettings): PodAddress[] {
  return ips.flatMap((ip): PodAddress[] => {
    const cidr = podCidrs.find((candidate) => cidrContains(candidate, ip));
    return cidr === undefined ? [] : [{ ip, cidr, gateway: gatewayOf(cidr) }];
  });
}
