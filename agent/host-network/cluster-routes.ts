/**
 * Routes through which the node itself reaches every pod of the cluster: each cluster CIDR through the bridge, where the
 * router answers for remote pods. Ours are told from others by their protocol number; others are never touched.
 */
import { cidrFamily, cidrIncludes, parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { listRoutes } from '../../common/host/ip-output.js';
import { hasIpv4, hasIpv6, outermost } from './host-plan.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';

/** A number no routing daemon has (rt_protos): "h" for Heddle. */
const ROUTE_PROTOCOL = '104';

export const clusterRoutesPart: HostPart = {
  name: 'routes',
  async plan(spec, view) {
    const families = [...(hasIpv4(spec) ? (['-4'] as const) : []), ...(hasIpv6(spec) ? (['-6'] as const) : [])];
    const lists = await Promise.all(
      families.map((family) =>
        listRoutes(view.commands, [family, 'route', 'show', 'dev', spec.bridgeName, 'proto', ROUTE_PROTOCOL]),
      ),
    );
    const present = lists
      .flat()
      .flatMap(({ destination }) => (destination.includes('/') ? [parseCidr(destination)] : []));
    return planRoutes(spec, present);
  },
};

function planRoutes(spec: HostNetworkSpec, present: readonly Cidr[]): Repair[] {
  const wanted = wantedRoutes(spec);
  const route = (what: string, verb: 'add' | 'del', cidr: Cidr): Repair => ({
    what,
    program: 'ip',
    args: [`-${cidrFamily(cidr)}`, 'route', verb, cidr, 'dev', spec.bridgeName, 'proto', ROUTE_PROTOCOL],
  });
  return [
    ...present
      .filter((cidr) => !wanted.includes(cidr))
      .map((cidr) => route(`route to ${cidr} was left over`, 'del', cidr)),
    ...wanted
      .filter((cidr) => !present.includes(cidr))
      .map((cidr) => route(`route to ${cidr} was missing`, 'add', cidr)),
  ];
}

/** The kernel's own on-link route covers a cluster CIDR that is no wider than this node's pod CIDR. */
function wantedRoutes({ clusterCidrs, podCidrs }: HostNetworkSpec): Cidr[] {
  const families = new Set(podCidrs.map(cidrFamily));
  return outermost(clusterCidrs).filter(
    (cidr) => families.has(cidrFamily(cidr)) && !podCidrs.some((own) => cidrIncludes(own, cidr)),
  );
}
