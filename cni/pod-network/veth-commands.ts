/** The `ip` and `bridge` lines that attach a pod: composition only, nothing is run here. */
import { ADDRESS_BITS, ipFamily } from '../../common/address/ip-address.js';
import { hostMacOf } from '../attachment.js';
import type { AttachmentPlan, PodRoute } from '../attachment.js';
import type { BatchLine } from './ip-batch.js';
import { formatInterfaceAlias } from './interface-alias.js';

/**
 * The largest super-frame a pod may hand to its interface: with its headers it still fits the 64 KiB of one record
 * (`docs/wire.md`). Sets the IPv4 limit too, as kernels do for values up to 65536.
 */
export const POD_GSO_MAX_BYTES = 61_440;

/** Makes the pair, its far end already in the pod's namespace under its final name, and the near end a bridge port. */
export function pairLines(plan: AttachmentPlan): readonly BatchLine[] {
  const { hostInterface: host, owner } = plan;
  const near = `link add ${host} address ${hostMacOf(owner)} mtu ${plan.mtuBytes} type veth`;
  const far = `peer name ${owner.ifname} address ${plan.mac} mtu ${plan.mtuBytes} netns ${plan.netns}`;
  const alias = formatInterfaceAlias(plan);
  return [
    { text: `${near} ${far}` },
    ...(alias === null ? [] : [{ text: `link set dev ${host} alias ${alias}` }]),
    ...bridgePortLines(host, plan.bridge),
  ];
}

/**
 * Unknown unicast goes to the router only (flood off): a pod never sees frames for others. No IPv6 link-local address
 * on a port: it is not a station.
 */
export function bridgePortLines(hostInterface: string, bridge: string): readonly BatchLine[] {
  const flags = 'flood off mcast_flood on learning on hairpin on isolated off';
  return [
    { text: `link set dev ${hostInterface} addrgenmode none`, optional: true },
    { text: `link set dev ${hostInterface} master ${bridge}` },
    { text: `link set dev ${hostInterface} type bridge_slave ${flags}` },
    { text: `link set dev ${hostInterface} up` },
  ];
}

/**
 * Arguments of `bridge` that bind the pod's MAC to its port: with `flood off` a pod that was silent for the bridge's
 * ageing time would not be reached otherwise, and no other pod can take the MAC over (sticky).
 */
export function stationArgs(hostInterface: string, mac: string): readonly string[] {
  return ['fdb', 'replace', mac, 'dev', hostInterface, 'master', 'static', 'sticky'];
}

/** Brings up the inside of the namespace. Default routes come last: they depend on the others. */
export function podLines(plan: AttachmentPlan): readonly BatchLine[] {
  const { ifname } = plan.owner;
  return [
    { text: 'link set dev lo up' },
    { text: `link set dev ${ifname} gso_max_size ${POD_GSO_MAX_BYTES}`, optional: true },
    { text: `link set dev ${ifname} up` },
    ...plan.addresses.map(({ ip }) => {
      const family = ipFamily(ip);
      return { text: `addr add ${ip}/${ADDRESS_BITS[family]} dev ${ifname}${family === 6 ? ' nodad' : ''}` };
    }),
    ...plan.routes.map((route) => ({ text: routeLine(route, ifname) })),
  ];
}

/**
 * Files under /proc/sys that get a `0` before a pod with IPv6 comes up: IPv6 is on, its addresses can be used at once,
 * and no router advertisement changes its routes.
 */
export function ipv6Switches(ifname: string): readonly string[] {
  return ['disable_ipv6', 'accept_dad', 'accept_ra'].map((name) => `/proc/sys/net/ipv6/conf/${ifname}/${name}`);
}

function routeLine(route: PodRoute, ifname: string): string {
  const family = ipFamily(route.source);
  const via = route.gateway === null ? (family === 4 ? ' scope link' : '') : ` via ${route.gateway}`;
  return `route add ${route.dst}${via} dev ${ifname} src ${route.source}`;
}
