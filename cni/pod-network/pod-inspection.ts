/** Conversion of what `ip` lists inside a pod into the terms of the verbs: a pod's interface and its routes. Pure. */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFamily, parseIpAddress } from '../../common/address/ip-address.js';
import type { InterfaceInfo, RouteInfo } from '../../common/host/ip-output.js';
import type { PodInterface, PodRouteFound } from '../deps.js';
import { DEFAULT_ROUTE } from './pod-routes.js';

export function podInterfaceOf({ up, mac, addresses }: InterfaceInfo): PodInterface {
  const global = addresses.filter(({ scope }) => scope === 'global');
  return { up, mac, ips: global.map(({ address }) => parseIpAddress(address)) };
}

export function podRouteOf({ destination, gateway }: RouteInfo, family: 4 | 6): PodRouteFound {
  return { dst: destinationCidr(destination, family), gateway };
}

/** `ip` prints `default`, and a host route without its prefix length. */
function destinationCidr(text: string, family: 4 | 6): Cidr {
  if (text === 'default') return DEFAULT_ROUTE[family];
  if (text.includes('/')) return parseCidr(text);
  const address = parseIpAddress(text);
  return parseCidr(`${address}/${ADDRESS_BITS[ipFamily(address)]}`);
}
