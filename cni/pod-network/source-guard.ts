/**
 * The source guard: one nft table of the `bridge` family that every frame of a pod passes before the bridge looks at it. A
 * host interface may send only from its own MAC and addresses, and only to the gateway or to a group: what pods send to each
 * other passes the node's IP stack. The table and its rules are kept by `agent/host-network/`; here are their text and the
 * elements of each pod. A host interface without elements may send nothing. Needs neither `br_netfilter` nor NFT_BRIDGE_META.
 */
import { GATEWAY_MAC, macToBytes } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import { IP_FAMILIES, ipFamily, parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import { runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { POD_INTERFACE_GROUP } from '../../common/host/kernel-marks.js';
import type { GuardElement } from '../deps.js';

/** What one pod may send from. */
export interface GuardedPod {
  readonly hostInterface: string;
  readonly mac: MacAddress;
  readonly ips: readonly IpAddress[];
}

export const GUARD_SETS = { 4: 'senders4', 6: 'senders6' } as const;
const TO_GATEWAY = `ether daddr ${GATEWAY_MAC}`;
const TO_ONE_STATION = 'ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00';
const KNOWN_SENDER_4 = `ether type ip iifname . ether saddr . ip saddr @${GUARD_SETS[4]}`;
/** The bridge routes packets to loopback addresses (`route_localnet`), for answers to programs of the node alone. */
const LOOPBACK_4 = '127.0.0.0/8';
const KNOWN_SENDER_6 = `ether type ip6 iifname . ether saddr . ip6 saddr @${GUARD_SETS[6]}`;
/** Both MACs of an ARP request, that of the frame and that of the sender in it. */
const KNOWN_ARP_SENDER = ['ether saddr', 'arp saddr ether'].map(
  (mac) => `iifname . ${mac} . arp saddr ip @${GUARD_SETS[4]}`,
);

/** The table, for `agent/host-network/nft-table.ts`. What most frames are comes first. */
export const SOURCE_GUARD = {
  id: ['bridge', 'heddle'],
  definitions: [
    `set ${GUARD_SETS[4]} { type ifname . ether_addr . ipv4_addr; }`,
    `set ${GUARD_SETS[6]} { type ifname . ether_addr . ipv6_addr; }`,
    // Shown as drops of the node by these names (`docs/data-path.md`).
    'counter podForeignSource { }',
    'counter podOtherStation { }',
    'counter podNeighbourDiscovery { }',
    'counter podDhcpServer { }',
    'counter podToLoopback { }',
  ],
  chains: [
    {
      name: 'from-pods',
      hook: 'type filter hook prerouting priority filter; policy accept;',
      rules: [
        `iifgroup != ${POD_INTERFACE_GROUP} accept`,
        `${TO_GATEWAY} ip daddr != ${LOOPBACK_4} ${KNOWN_SENDER_4} accept`,
        'icmpv6 type { nd-router-advert, nd-neighbor-advert, nd-redirect } counter name podNeighbourDiscovery drop',
        `${TO_GATEWAY} ${KNOWN_SENDER_6} accept`,
        `${TO_ONE_STATION} ether daddr != ${GATEWAY_MAC} counter name podOtherStation drop`,
        `ether type arp arp operation request ${KNOWN_ARP_SENDER.join(' ')} accept`,
        `ip daddr ${LOOPBACK_4} counter name podToLoopback drop`,
        'udp sport 67 counter name podDhcpServer drop',
        `${KNOWN_SENDER_4} accept`,
        `${KNOWN_SENDER_6} accept`,
        'counter name podForeignSource drop',
      ],
    },
  ],
} as const;

/** All elements that the pod needs: its addresses, and the link-local one that its kernel makes of the MAC (RFC 4291, A). */
export function guardElements({ hostInterface, mac, ips }: GuardedPod): GuardElement[] {
  const sources = ips.some((ip) => ipFamily(ip) === 6) ? [...ips, linkLocalOf(mac)] : ips;
  return sources.map((ip) => ({ hostInterface, mac, ip }));
}

/** Lines of `nft -f` that add the elements; adding one that is there is no error. */
export function addElementLines(elements: readonly GuardElement[]): string[] {
  return IP_FAMILIES.flatMap((family) => {
    const list = elements.filter(({ ip }) => ipFamily(parseIpAddress(ip)) === family);
    return list.length === 0 ? [] : [`add ${elementListText(family, list)}`];
  });
}

/** Elements of one family, as `nft` takes them behind a verb. */
export function elementListText(family: IpFamily, elements: readonly GuardElement[]): string {
  return `element ${SOURCE_GUARD.id.join(' ')} ${GUARD_SETS[family]} { ${elements.map(elementText).join(', ')} }`;
}

/** All elements in the kernel. Throws CommandError when there is no table. */
export async function listGuardElements(commands: CommandRunner): Promise<GuardElement[]> {
  const listing = (await runJson(commands, 'nft', ['-j', 'list', 'table', ...SOURCE_GUARD.id])) as {
    readonly nftables?: readonly { readonly set?: { readonly elem?: readonly { readonly concat?: string[] }[] } }[];
  };
  return (listing.nftables ?? []).flatMap(({ set }) =>
    (set?.elem ?? []).flatMap(({ concat: [hostInterface, mac, ip] = [] }) =>
      hostInterface === undefined || mac === undefined || ip === undefined ? [] : [{ hostInterface, mac, ip }],
    ),
  );
}

function elementText({ hostInterface, mac, ip }: GuardElement): string {
  return `"${hostInterface}" . ${mac} . ${ip}`;
}

/** fe80::/64 and the modified EUI-64 of the MAC. */
function linkLocalOf(mac: MacAddress): IpAddress {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macToBytes(mac);
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return parseIpAddress(`fe80::${groups.map((group) => group.toString(16)).join(':')}`);
}
