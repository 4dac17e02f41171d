/** Host's side that a record stands for, under the settings in force. Pure. */
import { cidrContains, gatewayOf } from '../../common/address/cidr.js';
import type { EndpointRecord } from '../attachment.js';
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
