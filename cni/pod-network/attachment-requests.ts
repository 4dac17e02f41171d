/** Composer of the requests to the kernel that attach a pod. Pure. */
import type { Cidr } from '../../common/address/cidr.js';
import { hostCidr } from '../../common/address/cidr.js';
import { GATEWAY_MAC } from '../../common/address/mac-address.js';
import { POD_INTERFACE_GROUP, ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import type { NetlinkRequest } from '../../common/host/netlink-runner.js';
import { hostMacOf, SOLE_ROUTING } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, PodAddress, PodRoute } from '../attachment.js';
import type { HostSide, PodParts, SourceRule } from '../deps.js';
import { formatInterfaceAlias } from './interface-alias.js';
import {
  addVethPair,
  setLinkAlias,
  setLinkGroup,
  setLinkGsoMaxSize,
  setLinkMaster,
  setLinkUp,
  setLinkWithoutAddresses,
  setPortFlags,
} from './link-requests.js';
import type { PortFlags } from './link-requests.js';
import { podRoutes } from './pod-routes.js';
import {
  addAddress,
  deleteRoute,
  editRule,
  putRoute,
  replaceForwardingEntry,
  replaceNeighbour,
} from './route-requests.js';

/**
 * Largest super-frame of a pod, bytes: with its headers it fits the 64 KiB of a record (`docs/wire.md`). The kernel sets the
 * IPv4 limit to the same value, as it does for values up to 65536.
 */
export const POD_GSO_MAX_BYTES = 61_440;

/** Before the main table (32766), and before rules that are made without a preference. */
const SOURCE_RULE_PREFERENCE = 1040;
const GROUP = Number(POD_INTERFACE_GROUP);
const PROTOCOL = Number(ROUTE_PROTOCOL);
/** Of the other ports it reaches the TAP only, and it receives no frames for others. */
const POD_PORT: PortFlags = { flood: false, mcast_flood: true, learning: false, hairpin: false, isolated: true };

/** Makes the veth pair, with the pod's end in its namespace under its final name. */
export function pairRequests(plan: AttachmentPlan): readonly NetlinkRequest[] {
  const { hostInterface, owner, mac, netns } = plan;
  const near = { name: hostInterface, mac: hostMacOf(owner), group: GROUP };
  const alias = formatInterfaceAlias(plan);
  return [
    addVethPair(near, { name: owner.ifname, mac, netns }, plan.mtuBytes),
    ...(alias === null ? [] : [setLinkAlias(hostInterface, alias)]),
  ];
}

/**
 * Makes the host interface an isolated port of the bridge, and gives the node its way to the pod: a permanent neighbour and a
 * host route per address, which vanish with the interface. No IPv6 link-local address: the host interface needs no address of
 * its own. The group comes first: from then on the source guard decides what the interface may send. Without the forwarding
 * entry, and with flood and learning off, the gateway's ARP replies would not reach a pod that asks for it. The source of a
 * route is optional: the kernel refuses it until the node has the gateway address. All requests may be repeated.
 */
export function hostRequests({ hostInterface: host, bridge, mac, addresses }: HostSide): readonly NetlinkRequest[] {
  return [
    setLinkGroup(host, GROUP),
    { ...setLinkWithoutAddresses(host), optional: true },
    setLinkMaster(host, bridge),
    setPortFlags(host, POD_PORT),
    setLinkUp(host),
    replaceForwardingEntry(mac, host),
    ...addresses.flatMap(({ ip, gateway }) => {
      const route = { dst: hostCidr(ip), dev: host, protocol: PROTOCOL };
      return [
        replaceNeighbour(ip, mac, host),
        putRoute('replace', route),
        ...(gateway === null ? [] : [{ ...putRoute('replace', { ...route, source: gateway }), optional: true }]),
      ];
    }),
  ];
}

/**
 * Requests inside the namespace. The gateway is a permanent neighbour: it is never asked for, and nobody can answer in its
 * place. Default routes come last, since they depend on the others.
 */
export function podRequests(plan: AttachmentPlan): readonly NetlinkRequest[] {
  const { ifname } = plan.owner;
  return [
    setLinkUp('lo'),
    { ...setLinkGsoMaxSize(ifname, POD_GSO_MAX_BYTES), optional: true },
    setLinkUp(ifname),
    ...plan.addresses.map(({ ip }) => addAddress(ip, ifname)),
    ...plan.addresses.map(({ gateway }) => replaceNeighbour(gateway, GATEWAY_MAC, ifname)),
    ...routeRequests(ifname, plan.routes),
    ...sourceRulesOf(plan.routes).map((rule) => ruleRequest('add', rule)),
  ];
}

/** Requests inside the namespace for parts that it has lost. */
export function partRequests(ifname: string, { ips, gateways, routes, rules }: PodParts): readonly NetlinkRequest[] {
  return [
    ...ips.map((ip) => ({ ...addAddress(ip, ifname), optional: true })),
    ...gateways.map((gateway) => replaceNeighbour(gateway, GATEWAY_MAC, ifname)),
    ...routeRequests(ifname, routes),
    ...rules.map((rule) => ruleRequest('add', rule)),
  ];
}

/** Requests inside the namespace of a pod of an earlier version: its new routes come first, the on-link ones are removed last. */
export function reroutingRequests(
  owner: AttachmentOwner,
  ifname: string,
  addresses: readonly PodAddress[],
  onLink: readonly Cidr[],
): readonly NetlinkRequest[] {
  return [
    ...addresses.map(({ gateway }) => replaceNeighbour(gateway, GATEWAY_MAC, ifname)),
    ...podRoutes(owner, addresses, SOLE_ROUTING, []).map((route) => putRoute('replace', { ...route, dev: ifname })),
    ...onLink.map((cidr) => deleteRoute(cidr, ifname)),
  ];
}

function routeRequests(ifname: string, routes: readonly PodRoute[]): NetlinkRequest[] {
  return routes.map((route) => putRoute('add', { ...route, dev: ifname }));
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

/** Rules inside the namespace for the tables of the routes. */
export function sourceRulesOf(routes: readonly PodRoute[]): readonly SourceRule[] {
  const tables = new Map(routes.flatMap(({ source, table }) => (table === null ? [] : [[source, table] as const])));
  return [...tables].map(([source, table]) => ({ source, table }));
}

export function ruleRequest(verb: 'add' | 'del', rule: SourceRule): NetlinkRequest {
  return editRule(verb, rule, SOURCE_RULE_PREFERENCE);
}
