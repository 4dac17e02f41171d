/** Conversion of what `ip` lists inside a pod into the terms of the verbs: a pod's interface and its routes. Pure. */
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import { routeCidr } from '../../common/host/ip-output.js';
import type { InterfaceInfo, RouteInfo } from '../../common/host/ip-output.js';
import type { PodInterface, PodRouteFound } from '../deps.js';

export function podInterfaceOf({ name, index, peer, up, mac, addresses }: InterfaceInfo): PodInterface {
  const global = addresses.filter(({ scope }) => scope === 'global');
  return {
    name,
    index,
    peerIndex: peer?.index ?? null,
    up,
    mac,
    ips: global.map(({ address }) => parseIpAddress(address)),
  };
}

export function podRouteOf({ destination, gateway }: RouteInfo, family: IpFamily): PodRouteFound {
  return { dst: routeCidr(destination, family), gateway };
}
