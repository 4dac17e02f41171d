/** Composer of the `ip` and `bridge` commands that attach a pod. Pure. */
import { ADDRESS_BITS, ipFamily } from '../../common/address/ip-address.js';
import { hostMacOf } from '../attachment.js';
import type { AttachmentPlan, PodRoute } from '../attachment.js';
import type { BatchLine } from './ip-batch.js';
import { formatInterfaceAlias } from './interface-alias.js';

/**
 * Largest super-frame of a pod, bytes: with its headers it fits the 64 KiB of a record (`docs/wire.md`). The kernel sets the
 * IPv4 limit to the same value, as it does for values up to 65536.
 */
export const POD_GSO_MAX_BYTES = 61_440;

/** Makes the veth pair, the pod's end in its namespace under its final name, and the host interface a bridge port. */
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
 * Flood off: unknown unicast goes to the router only, and no pod receives frames for others. No IPv6 link-local address: the
 * host interface needs no address of its own.
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
 * Arguments of `bridge` for a permanent forwarding entry of the pod's MAC. Without it, and with flood off, a pod that sent
 * nothing for the bridge's ageing time could not be reached. `sticky`: no other port can take over the MAC.
 */
export function forwardingEntryArgs(hostInterface: string, mac: string): readonly string[] {
  return ['fdb', 'replace', mac, 'dev', hostInterface, 'master', 'static', 'sticky'];
}

/** Commands inside the namespace. Default routes come last, since they depend on the others. */
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
 * Files under /proc/sys that are set to `0` in a pod with IPv6 before its interface is up: IPv6 is enabled, addresses are
 * usable at once, and router advertisements change no route.
 */
export function ipv6Switches(ifname: string): readonly string[] {
  return ['disable_ipv6', 'accept_dad', 'accept_ra'].map((name) => `/proc/sys/net/ipv6/conf/${ifname}/${name}`);
}

function routeLine(route: PodRoute, ifname: string): string {
  const family = ipFamily(route.source);
  const via = route.gateway === null ? (family === 4 ? ' scope link' : '') : ` via ${route.gateway}`;
  return `route add ${route.dst}${via} dev ${ifname} src ${route.source}`;
}
