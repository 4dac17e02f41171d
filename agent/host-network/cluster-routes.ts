/**
 * Routes of the node, besides the one to each of its pods (`cni/pod-network/`):
 *
 * ```
 *  cluster CIDR   via the next hop dev TAP, src gateway    into the mesh
 *  pod CIDR       as above, with an MTU                    a node whose pods take smaller packets than this node's
 *  cluster CIDR   unreachable, last choice                 while the TAP is missing: nothing leaves unsealed
 *  own pod CIDR   unreachable                              an address that no pod has is answered at once
 * ```
 *
 * A longer prefix of someone else (a Service CIDR, a node's network, a static route) goes before all of them. Ours are told
 * from others by their protocol; others are never changed.
 */
import { cidrFamily, cidrIncludes, gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { IP_FAMILIES } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import { listRoutes, routeCidr } from '../../common/host/ip-output.js';
import type { RouteInfo } from '../../common/host/ip-output.js';
import { MESH_NEXT_HOP, ROUTE_PROTOCOL } from '../../common/host/kernel-marks.js';
import { familiesOf, outermost } from './host-plan.js';
import type { HostNetworkSpec, HostPart, HostView, Repair } from './host-plan.js';

/** Larger than the metric of any route that a person or a program adds without a thought for it (IPv6: 1024). */
const LAST_CHOICE_METRIC = 4096;
/** Between the two: a route of others to a pod CIDR goes first. */
const NARROW_METRIC = 2048;

export const clusterRoutesPart: HostPart = {
  name: 'routes',
  async plan(spec, view) {
    const tap = await view.tap(spec.tapName);
    const wanted = familiesOf(spec).flatMap((family) => wantedRoutes(spec, family, tap !== null));
    return planRoutes(wanted, await presentRoutes(spec, view));
  },
};

/** Arguments of `ip route`, without verb and protocol. */
interface NodeRoute {
  readonly family: IpFamily;
  readonly args: readonly string[];
}

function wantedRoutes(spec: HostNetworkSpec, family: IpFamily, hasTap: boolean): NodeRoute[] {
  const { podCidrs, clusterCidrs, narrowCidrs, tapName } = spec;
  const own = podCidrs.filter((cidr) => cidrFamily(cidr) === family);
  const cluster = outermost(clusterCidrs).filter(
    (cidr) => cidrFamily(cidr) === family && !own.some((mine) => cidrIncludes(mine, cidr)),
  );
  const narrow = narrowCidrs.filter(({ cidr }) => cidrFamily(cidr) === family);
  const source = gatewayOf(own[0]!);
  const unreachable = (cidr: Cidr, ...metric: string[]) => ({ family, args: ['unreachable', cidr, ...metric] });
  return [
    ...outermost(own).map((cidr) => unreachable(cidr)),
    ...cluster.map((cidr) => unreachable(cidr, 'metric', String(LAST_CHOICE_METRIC))),
    ...(hasTap ? cluster.map((cidr) => meshRoute(cidr, family, tapName, source)) : []),
    ...(hasTap ? narrow.map(({ cidr, mtuBytes }) => meshRoute(cidr, family, tapName, source, mtuBytes)) : []),
  ];
}

function meshRoute(cidr: Cidr, family: IpFamily, tapName: string, source: string, mtuBytes?: number): NodeRoute {
  const narrow = mtuBytes === undefined ? [] : narrowWords(NARROW_METRIC, mtuBytes);
  return { family, args: [cidr, 'via', MESH_NEXT_HOP[family], 'dev', tapName, 'src', source, 'onlink', ...narrow] };
}

function narrowWords(metric: number | null, mtuBytes: number): string[] {
  return ['metric', String(metric), 'mtu', String(mtuBytes)];
}

/** Host routes to pods are not of this part. */
async function presentRoutes(spec: HostNetworkSpec, view: HostView): Promise<NodeRoute[]> {
  const lists = await Promise.all(
    IP_FAMILIES.map(async (family) => {
      const routes = await listRoutes(view.commands, [`-${family}`, 'route', 'show', 'proto', ROUTE_PROTOCOL]);
      return routes.flatMap((route) => nodeRouteOf(route, family, spec));
    }),
  );
  return lists.flat();
}

function nodeRouteOf(route: RouteInfo, family: IpFamily, { tapName, bridgeName }: HostNetworkSpec): NodeRoute[] {
  const { type, destination, device, gateway, source, metric, mtuBytes } = route;
  // A kernel without IPv6 lists the routes of IPv4 instead.
  if (destination.includes(':') !== (family === 6)) return [];
  const cidr = routeCidr(destination, family);
  if (type === 'unreachable') {
    const isLast = metric === LAST_CHOICE_METRIC;
    return [{ family, args: [type, cidr, ...(isLast ? ['metric', String(metric)] : [])] }];
  }
  if (device !== tapName && device !== bridgeName) return [];
  const via = gateway === null ? [] : ['via', gateway];
  const src = source === null ? [] : ['src', source];
  const narrow = mtuBytes === null ? [] : narrowWords(metric, mtuBytes);
  return [{ family, args: [cidr, ...via, 'dev', device, ...src, ...(gateway === null ? [] : ['onlink']), ...narrow] }];
}

function planRoutes(wanted: readonly NodeRoute[], present: readonly NodeRoute[]): Repair[] {
  const textOf = ({ family, args }: NodeRoute): string => [family, ...args].join(' ');
  const without = (routes: readonly NodeRoute[], others: readonly NodeRoute[]) => {
    const texts = new Set(others.map(textOf));
    return routes.filter((route) => !texts.has(textOf(route)));
  };
  const repair = (what: string, verb: 'add' | 'del', { family, args }: NodeRoute): Repair => ({
    what: `route ${args.join(' ')} ${what}`,
    program: 'ip',
    args: [`-${family}`, 'route', verb, ...args, 'proto', ROUTE_PROTOCOL],
  });
  return [
    ...without(present, wanted).map((route) => repair('was left over', 'del', route)),
    ...without(wanted, present).map((route) => repair('was missing', 'add', route)),
  ];
}
