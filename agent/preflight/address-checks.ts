/** Checks of the underlay: an address for peers, its MTU, and networks of this host that overlap the cluster CIDRs. */
import { cidrContains, cidrsOverlap, parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { CommandRunner } from '../../common/host/command.js';
import { listInterfaces, listRoutes, routeCidr } from '../../common/host/ip-output.js';
import type { InterfaceInfo, RouteInfo } from '../../common/host/ip-output.js';
import { ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import type { Config } from '../../common/config.js';
import { underlayAddresses, underlayMtu } from '../control-plane/underlay.js';
import { failed, met, warned } from './finding.js';
import type { Finding } from './finding.js';

const MIN_UNDERLAY_MTU_BYTES = 1200;
/** Of networks in the way: a message names so many. */
const MAX_NAMED = 4;
const ELSEWHERE = 'remove that network, or choose other cluster CIDRs';

export async function checkAddresses(commands: CommandRunner, config: Config): Promise<Finding[]> {
  const clusterCidrs = config.clusterCidrs.map(parseCidr);
  const ownInterfaces = [config.bridgeName, config.tapName];
  const addresses = await underlayAddresses(commands, { ownInterfaces, clusterCidrs });
  const reach =
    addresses.length > 0
      ? met('address', `peers reach this node at ${addresses.slice(0, MAX_NAMED).join(', ')}`)
      : failed(
          'address',
          'no interface that is up has a global address outside the cluster CIDRs',
          'ip address show up',
        );
  return [reach, ...(await checkOverlaps(commands, clusterCidrs, ownInterfaces))];
}

async function checkOverlaps(
  commands: CommandRunner,
  clusterCidrs: readonly Cidr[],
  ownInterfaces: readonly string[],
): Promise<Finding[]> {
  if (clusterCidrs.length === 0) {
    const message = 'the cluster CIDRs are not set, so overlaps with networks of this host were not looked for';
    return [warned('overlaps', message, 'HEDDLE_CLUSTER_CIDRS=10.32.0.0/16 meshctl preflight')];
  }
  const interfaces = await listInterfaces(commands, ['address', 'show']);
  const routes = [
    ...(await listRoutes(commands, ['-4', 'route', 'show'])),
    ...(await listRoutes(commands, ['-6', 'route', 'show'])),
  ];
  const foreign = <T>(list: readonly T[], nameOf: (one: T) => string | null) =>
    list.filter((one) => !ownInterfaces.includes(nameOf(one) ?? ''));
  const inTheWay = [
    ...foreign(interfaces, ({ name }) => name).flatMap((one) => addressesWithin(one, clusterCidrs)),
    ...foreign(routes, ({ device }) => device).flatMap((route) => routesInto(route, clusterCidrs)),
  ];
  if (inTheWay.length === 0) return [met('overlaps', `no network of this host overlaps ${clusterCidrs.join(', ')}`)];
  return [failed('overlaps', inTheWay.slice(0, MAX_NAMED).join('; '), ELSEWHERE)];
}

function addressesWithin({ name, addresses }: InterfaceInfo, clusterCidrs: readonly Cidr[]): string[] {
  return addresses.flatMap(({ address }) => {
    const cidr = clusterCidrs.find((one) => cidrContains(one, parseIpAddress(address)));
    return cidr === undefined ? [] : [`address ${address} of ${name} lies in the cluster CIDR ${cidr}`];
  });
}

/** A default route leads everywhere and is none of them; routes of the agent have a protocol of their own. */
function routesInto({ destination, family, device, protocol }: RouteInfo, clusterCidrs: readonly Cidr[]): string[] {
  if (destination === 'default' || protocol === ROUTE_PROTOCOL) return [];
  const cidr = clusterCidrs.find((one) => cidrsOverlap(one, routeCidr(destination, family)));
  return cidr === undefined
    ? []
    : [`route ${destination} by ${device ?? 'no interface'} overlaps the cluster CIDR ${cidr}`];
}

export async function checkMtu(commands: CommandRunner, config: Config): Promise<Finding[]> {
  if (config.underlayMtu !== 0) return [met('mtu', `the setting underlayMtu is ${config.underlayMtu}`)];
  const mtuBytes = await underlayMtu(commands, []);
  if (mtuBytes >= MIN_UNDERLAY_MTU_BYTES) return [met('mtu', `MTU of the default route is ${mtuBytes}`)];
  const message = `MTU of the default route is ${mtuBytes}, below ${MIN_UNDERLAY_MTU_BYTES}`;
  return [failed('mtu', message, `ip link set dev INTERFACE mtu ${MIN_UNDERLAY_MTU_BYTES}`)];
}
