/** Conversion of what `ip` lists inside a pod into the terms of the verbs: a pod's interface and its routes. Pure. */
import { parseIpAddress } from '../../common/address/ip-address.js';
import { routeCidr } from '../../common/host/ip-output.js';
import type { InterfaceInfo, RouteInfo } from '../../common/host/ip-output.js';
import type { PodInterface, PodRouteFound } from '../deps.js';

export function podInterfaceOf({ name, index, peer, up, mac, mtuBytes, addresses }: InterfaceInfo): PodInterface {
  const global = addresses.filter(({ scope }) => scope === 'global');
  return {
    name,
    index,
    peerIndex: peer?.index ?? null,
    up,
    mac,
    mtuBytes,
    ips: global.map(({ address }) => parseIpAddress(address)),
  };
}

/** Those that people and plugins make: not the kernel's for its own addresses. */
export function podRoutesOf(routes: readonly RouteInfo[]): PodRouteFound[] {
  const made = routes.filter(
    ({ type, table, protocol }) => type === 'unicast' && table !== 'local' && protocol !== 'kernel',
  );
  return made.map(({ destination, gateway, device, metric, table, family }) => ({
    dst: routeCidr(destination, family),
    gateway,
    ifname: device,
    metric,
    table,
  }));
}
