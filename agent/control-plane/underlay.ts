/**
 * Facts of the host's own network: addresses at which peers reach this node, and the MTU towards them. Read
 * periodically, because hosts change addresses (DHCP, roaming).
 */
import { isIP } from 'node:net';
import { cidrContains } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { listInterfaces, listRoutes } from '../../common/host/ip-output.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';

/** What Ethernet carries: assumed while the host knows no way to any seed. */
export const DEFAULT_UNDERLAY_MTU_BYTES = 1500;
/** Bound on what an advert says, see `mesh/limits.ts`. */
const MAX_ENDPOINTS = 16;

export interface UnderlayFilter {
  /** Bridge and TAP, whose addresses are not the underlay's. */
  readonly ownInterfaces: readonly string[];
  readonly clusterCidrs: readonly Cidr[];
}

/** An interface of the host that peers reach this node by, with its counters. */
export interface UnderlayInterface {
  readonly info: InterfaceInfo;
  /** Its global unicast addresses; at least one. */
  readonly addresses: readonly IpAddress[];
}

/** In the kernel's order; bridge, TAP and pod addresses left out. */
export async function underlayInterfaces(
  commands: CommandRunner,
  { ownInterfaces, clusterCidrs }: UnderlayFilter,
): Promise<UnderlayInterface[]> {
  const links = await listInterfaces(commands, ['-statistics', 'address', 'show', 'up']);
  return links
    .filter((link) => !ownInterfaces.includes(link.name))
    .map((info) => ({ info, addresses: globalAddresses(info, clusterCidrs) }))
    .filter(({ addresses }) => addresses.length > 0);
}

/** Addresses of {@link underlayInterfaces}. */
export async function underlayAddresses(commands: CommandRunner, filter: UnderlayFilter): Promise<IpAddress[]> {
  return (await underlayInterfaces(commands, filter)).flatMap(({ addresses }) => addresses);
}

function globalAddresses(link: InterfaceInfo, clusterCidrs: readonly Cidr[]): IpAddress[] {
  return link.addresses
    .filter((address) => address.scope === 'global' && !address.unstable && isIP(address.address) !== 0)
    .map((address) => parseIpAddress(address.address))
    .filter((address) => !clusterCidrs.some((cidr) => cidrContains(cidr, address)));
}

/** What the advert says about where to reach this node: `listenAddress` alone when there is one. */
export function advertisedEndpoints(
  addresses: readonly IpAddress[],
  listenAddress: string,
  port: number,
): SocketAddress[] {
  const chosen = listenAddress === '' || isUnspecified(listenAddress) ? addresses : [parseIpAddress(listenAddress)];
  return chosen.slice(0, MAX_ENDPOINTS).map((ip) => ({ ip, port }));
}

/** The smallest MTU on the way out towards any seed, or towards the outside at large when there are no seeds. */
export async function underlayMtu(commands: CommandRunner, seeds: readonly SocketAddress[]): Promise<number> {
  const mtus = await Promise.all(
    seeds.length > 0 ? seeds.map((seed) => mtuTowards(commands, seed.ip)) : [mtuOfDefaultRoute(commands)],
  );
  const known = mtus.filter((mtu) => mtu !== null);
  return known.length > 0 ? Math.min(...known) : DEFAULT_UNDERLAY_MTU_BYTES;
}

async function mtuTowards(commands: CommandRunner, address: IpAddress): Promise<number | null> {
  return routeMtu(commands, ['route', 'get', address]);
}

async function mtuOfDefaultRoute(commands: CommandRunner): Promise<number | null> {
  return (
    (await routeMtu(commands, ['route', 'show', 'default'])) ??
    (await routeMtu(commands, ['-6', 'route', 'show', 'default']))
  );
}

/** A route's own `mtu` metric wins over its device's MTU; "unreachable" is no answer, not an error. */
async function routeMtu(commands: CommandRunner, args: readonly string[]): Promise<number | null> {
  try {
    const [route] = await listRoutes(commands, args);
    if (route === undefined || route.device === null || route.device === 'lo') return null;
    if (route.mtuBytes !== null) return route.mtuBytes;
    const [link] = await listInterfaces(commands, ['link', 'show', 'dev', route.device]);
    return link?.mtuBytes ?? null;
  } catch (thrown) {
    if (thrown instanceof CommandError && thrown.exitCode !== null) return null;
    throw thrown;
  }
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
