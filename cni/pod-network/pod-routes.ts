/**
 * Routes of a pod interface: its gateway is its one neighbour. Alone in its pod, everything goes through it. Beside others it
 * has the default route where none of them has one, else the cluster CIDRs, and a table of its own for what is sent from its
 * addresses, since the source guard lets no other interface send from them. Pure.
 */
import { cidrFamily, DEFAULT_ROUTE, hostCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { IP_FAMILIES, ipFamily } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import { sourceTableOf } from '../attachment.js';
import type { AttachmentOwner, PodAddress, PodRoute, PodRouting } from '../attachment.js';
import type { PodRouteFound } from '../deps.js';

/** Metric of the first interface beside others; below the routes of IPv6 without a metric (1024), and of DHCP clients. */
const FIRST_BESIDE_METRIC = 10_000;

/** `IP6_RT_PRIO_USER`, the kernel's own choice. */
const IPV6_METRIC = 1024;

/** What the configuration says; absent: decided by the routes that are there. */
export interface RoutingWish {
  readonly defaultRoute?: boolean | undefined;
  readonly routeMetric?: number | undefined;
}

/**
 * Routing of a new interface. Where another interface of Heddle has the default route, that leads to the cluster CIDRs too,
 * and routes to those would take its traffic away.
 * @param present routes of the pod before
 * @param siblings routing of the other interfaces of Heddle in the pod
 */
export function routingBeside(
  { defaultRoute, routeMetric }: RoutingWish,
  ifname: string,
  present: readonly PodRouteFound[],
  siblings: readonly PodRouting[],
): PodRouting {
  const others = present.filter((route) => route.table === null && route.ifname !== ifname);
  const taken = IP_FAMILIES.filter((family) => others.some(({ dst }) => dst === DEFAULT_ROUTE[family]));
  const own = IP_FAMILIES.filter((family) => defaultRoute ?? (routeMetric !== undefined || !taken.includes(family)));
  const beside = others.length > 0;
  const cluster = IP_FAMILIES.filter(
    (family) => (beside || !own.includes(family)) && !siblings.some((one) => one.defaultFamilies.includes(family)),
  );
  const metric = routeMetric ?? (beside ? freeMetric(others) : null);
  return { defaultFamilies: own, clusterFamilies: cluster, metric, beside };
}

/** Routing of an interface whose record is lost, from the routes it has. */
export function routingFound(
  ifname: string,
  present: readonly PodRouteFound[],
  clusterCidrs: readonly Cidr[],
): PodRouting {
  const mine = present.filter((route) => route.ifname === ifname);
  const main = mine.filter(({ table }) => table === null);
  const beside = mine.some(({ table }) => table !== null);
  const families = (wanted: (family: IpFamily) => readonly Cidr[]) =>
    IP_FAMILIES.filter((family) => main.some(({ dst }) => wanted(family).includes(dst)));
  const own = families((family) => [DEFAULT_ROUTE[family]]);
  const cluster = families((family) => clusterCidrs.filter((cidr) => cidrFamily(cidr) === family));
  // IPv6 routes without a metric are listed with the kernel's own.
  const metric = main.map((route) => route.metric).find((value) => value !== null && value !== IPV6_METRIC) ?? null;
  return { defaultFamilies: own, clusterFamilies: cluster, metric, beside };
}

/** On-link routes come first, since the others depend on them. */
export function podRoutes(
  owner: AttachmentOwner,
  addresses: readonly PodAddress[],
  routing: PodRouting,
  clusterCidrs: readonly Cidr[],
): readonly PodRoute[] {
  return addresses.flatMap(({ ip, gateway }) => {
    const family = ipFamily(ip);
    const isDefault = routing.defaultFamilies.includes(family);
    const isCluster = routing.clusterFamilies.includes(family);
    const cluster = isCluster ? clusterCidrs.filter((cidr) => cidrFamily(cidr) === family) : [];
    const main = { source: ip, metric: routing.metric, table: null };
    const apart = { source: ip, metric: null, table: sourceTableOf(owner) };
    return [
      { dst: hostCidr(gateway), gateway: null, ...main },
      ...(isDefault ? [{ dst: DEFAULT_ROUTE[family], gateway, ...main }] : []),
      ...cluster.map((dst) => ({ dst, gateway, ...main })),
      ...(routing.beside ? [{ dst: hostCidr(gateway), gateway: null, ...apart }] : []),
      ...(routing.beside ? [{ dst: DEFAULT_ROUTE[family], gateway, ...apart }] : []),
    ];
  });
}

/**
 * Routes that the pod lacks. Another plugin may have moved a route to another table of the same interface (`sbr`). Of an
 * interface that was alone in its pod, a destination that another interface has taken over (a tunnel) is no loss.
 */
export function missingRoutes(
  wanted: readonly PodRoute[],
  present: readonly PodRouteFound[],
  ifname: string,
  { beside }: PodRouting,
): readonly PodRoute[] {
  const own = new Set(wanted.flatMap(({ table }) => (table === null ? [] : [String(table)])));
  const mine = present.filter((route) => !beside || route.ifname === ifname);
  const isThere = ({ dst, table }: PodRoute) =>
    mine.some((route) => route.dst === dst && own.has(route.table ?? '') === (table !== null));
  return wanted.filter((route) => !isThere(route));
}

function freeMetric(others: readonly PodRouteFound[]): number {
  const used = new Set(others.map(({ metric }) => metric));
  let metric = FIRST_BESIDE_METRIC;
  while (used.has(metric)) metric++;
  return metric;
}
