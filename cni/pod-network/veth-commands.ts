/** Composer of the `ip` and `bridge` commands that attach a pod. Pure. */
import type { Cidr } from '../../common/address/cidr.js';
import { hostCidr } from '../../common/address/cidr.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { GATEWAY_MAC } from '../../common/address/mac-address.js';
import { POD_INTERFACE_GROUP, ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import { hostMacOf, SOLE_ROUTING } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, PodAddress, PodRoute } from '../attachment.js';
import type { HostSide, PodParts, SourceRule } from '../deps.js';
import type { BatchLine } from '../../common/host/ip-batch.js';
import { formatInterfaceAlias } from './interface-alias.js';
import { podRoutes } from './pod-routes.js';

/**
 * Largest super-frame of a pod, bytes: with its headers it fits the 64 KiB of a record (`docs/wire.md`). The kernel sets the
 * IPv4 limit to the same value, as it does for values up to 65536.
 */
export const POD_GSO_MAX_BYTES = 61_440;

/** Before the main table (32766), and before rules that are made without a preference. */
const SOURCE_RULE_PREFERENCE = 1040;

/** Makes the veth pair, with the pod's end in its namespace under its final name. */
export function pairLines(plan: AttachmentPlan): readonly BatchLine[] {
  const { hostInterface: host, owner } = plan;
  const near = `link add ${host} group ${POD_INTERFACE_GROUP} address ${hostMacOf(owner)} mtu ${plan.mtuBytes} type veth`;
  const far = `peer name ${owner.ifname} address ${plan.mac} mtu ${plan.mtuBytes} netns ${plan.netns}`;
  const alias = formatInterfaceAlias(plan);
  return [{ text: `${near} ${far}` }, ...(alias === null ? [] : [{ text: `link set dev ${host} alias ${alias}` }])];
}

/**
 * Makes the host interface an isolated port of the bridge, and gives the node its way to the pod: a permanent neighbour and a
 * host route per address, which vanish with the interface. Isolated: of the other ports it reaches the TAP only. Flood off:
 * it receives no frames for others. No IPv6 link-local address: the host interface needs no address of its own. The group
 * comes first: from then on the source guard decides what the interface may send. The
 * source of a route is optional: the kernel refuses it until the node has the gateway address. All lines may be repeated.
 */
export function hostLines({ hostInterface: host, bridge, mac, addresses }: HostSide): readonly BatchLine[] {
  const flags = 'flood off mcast_flood on learning off hairpin off isolated on';
  return [
    { text: `link set dev ${host} group ${POD_INTERFACE_GROUP}` },
    { text: `link set dev ${host} addrgenmode none`, optional: true },
    { text: `link set dev ${host} master ${bridge}` },
    { text: `link set dev ${host} type bridge_slave ${flags}` },
    { text: `link set dev ${host} up` },
    ...addresses.flatMap(({ ip, gateway }) => [
      { text: `neigh replace ${ip} lladdr ${mac} dev ${host} nud permanent` },
      { text: `route replace ${ip} dev ${host} proto ${ROUTE_PROTOCOL}` },
      ...(gateway === null
        ? []
        : [{ text: `route replace ${ip} dev ${host} src ${gateway} proto ${ROUTE_PROTOCOL}`, optional: true }]),
    ]),
  ];
}

/**
 * Command of `bridge` for a permanent forwarding entry of the pod's MAC. Without it, and with flood and learning off, the
 * gateway's ARP replies would not reach a pod that asks for it. `sticky`: no other port can take over the MAC.
 */
export function forwardingEntry(hostInterface: string, mac: string): string {
  return `fdb replace ${mac} dev ${hostInterface} master static sticky`;
}

/**
 * Commands inside the namespace. The gateway is a permanent neighbour: it is never asked for, and nobody can answer in its
 * place. Default routes come last, since they depend on the others.
 */
export function podLines(plan: AttachmentPlan): readonly BatchLine[] {
  const { ifname } = plan.owner;
  return [
    { text: 'link set dev lo up' },
    { text: `link set dev ${ifname} gso_max_size ${POD_GSO_MAX_BYTES}`, optional: true },
    { text: `link set dev ${ifname} up` },
    ...plan.addresses.map(({ ip }) => ({ text: addressText(ip, ifname) })),
    ...plan.addresses.map(({ gateway }) => gatewayLine(gateway, ifname)),
    ...routeLines(ifname, plan.routes),
  ];
}

/** Commands inside the namespace for parts that it has lost. */
export function partLines(ifname: string, { ips, gateways, routes }: PodParts): readonly BatchLine[] {
  return [
    ...ips.map((ip) => ({ text: addressText(ip, ifname), optional: true })),
    ...gateways.map((gateway) => gatewayLine(gateway, ifname)),
    ...routeLines(ifname, routes),
  ];
}

function addressText(ip: IpAddress, ifname: string): string {
  return `addr add ${hostCidr(ip)} dev ${ifname}${ipFamily(ip) === 6 ? ' nodad' : ''}`;
}

function routeLines(ifname: string, routes: readonly PodRoute[]): BatchLine[] {
  return routes.map((route) => ({ text: `route add ${routeText(route, ifname)}` }));
}

/** Commands inside the namespace of a pod of an earlier version: its new routes come first, the on-link ones are removed last. */
export function reroutingLines(
  owner: AttachmentOwner,
  ifname: string,
  addresses: readonly PodAddress[],
  onLink: readonly Cidr[],
): BatchLine[] {
  return [
    ...addresses.map(({ gateway }) => gatewayLine(gateway, ifname)),
    ...podRoutes(owner, addresses, SOLE_ROUTING, []).map((route) => ({
      text: `route replace ${routeText(route, ifname)}`,
    })),
    ...onLink.map((cidr) => ({ text: `route del ${cidr} dev ${ifname}` })),
  ];
}

function gatewayLine(gateway: IpAddress, ifname: string): BatchLine {
  return { text: `neigh replace ${gateway} lladdr ${GATEWAY_MAC} dev ${ifname} nud permanent` };
}

/** A file under /proc/sys that is set to `0`. */
export interface Ipv6Switch {
  readonly path: string;
  /** Writing waits for the lock of the kernel's network configuration. */
  readonly takesLock: boolean;
}

/**
 * What is switched off in a pod with IPv6 before its interface is up: IPv6 is enabled, addresses are usable at once, and router
 * advertisements change no route.
 */
export function ipv6Switches(ifname: string): readonly Ipv6Switch[] {
  return ['disable_ipv6', 'accept_dad', 'accept_ra'].map((name) => ({
    path: `/proc/sys/net/ipv6/conf/${ifname}/${name}`,
    takesLock: name === 'disable_ipv6',
  }));
}

function routeText(route: PodRoute, ifname: string): string {
  const family = ipFamily(route.source);
  const via = route.gateway === null ? (family === 4 ? ' scope link' : '') : ` via ${route.gateway}`;
  const metric = route.metric === null ? '' : ` metric ${route.metric}`;
  const table = route.table === null ? '' : ` table ${route.table}`;
  return `${route.dst}${via} dev ${ifname} src ${route.source}${metric}${table}`;
}

/** Rules inside the namespace for the tables of the routes. */
export function sourceRulesOf(routes: readonly PodRoute[]): readonly SourceRule[] {
  const tables = new Map(routes.flatMap(({ source, table }) => (table === null ? [] : [[source, table] as const])));
  return [...tables].map(([source, table]) => ({ source, table }));
}

export function ruleText(verb: 'add' | 'del', { source, table }: SourceRule): string {
  return `rule ${verb} from ${source} lookup ${table} pref ${SOURCE_RULE_PREFERENCE}`;
}
