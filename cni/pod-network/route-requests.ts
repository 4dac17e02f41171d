/** Composer of rtnetlink requests about addresses, neighbours, forwarding entries, routes and rules (rtnetlink(7)). Pure. */
import { cidrFamily, cidrNetwork, cidrPrefix, hostCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFamily, ipToBytes } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { macToBytes } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import {
  ADDRESS_FAMILY,
  attribute,
  netlinkRequest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  numberAttribute,
  viewOf,
} from '../../common/host/netlink-message.js';
import type { KernelNumbers, NetlinkRequest } from '../../common/host/netlink-runner.js';
import type { SourceRule } from '../deps.js';

const RTM = { newAddress: 20, newRoute: 24, deleteRoute: 25, newNeighbour: 28, newRule: 32, deleteRule: 33 } as const;
const FLAGS = {
  add: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
  replace: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
  del: NLM_F_ACK,
} as const;
const AF_BRIDGE = 7;
const [IFA_ADDRESS, IFA_LOCAL] = [1, 2];
const IFA_F_NODAD = 0x02;
const [NDA_DST, NDA_LLADDR] = [1, 2];
const NUD_PERMANENT = 0x80;
/** NUD_REACHABLE and NUD_NOARP: a forwarding entry that does not age. */
const NUD_STATIC = 0x02 | 0x40;
/** NTF_MASTER and NTF_STICKY. */
const MASTER_STICKY = 0x04 | 0x40;
const RTA = { dst: 1, oif: 4, gateway: 5, priority: 6, prefSrc: 7, table: 15 } as const;
const FRA = { src: 2, priority: 6, table: 15 } as const;
const FR_ACT_TO_TBL = 1;
const [RT_TABLE_UNSPEC, RT_TABLE_MAIN] = [0, 254];
/** What `ip` takes without another word. */
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const [SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_NOWHERE] = [0, 253, 255];

export interface Route {
  readonly dst: Cidr;
  readonly dev: string;
  readonly gateway?: IpAddress | null;
  /** Preferred source address. */
  readonly source?: IpAddress | null;
  readonly metric?: number | null;
  readonly table?: number | null;
  readonly protocol?: number;
}

/** An address without a subnet, usable at once: no duplicate address detection. */
export function addAddress(ip: IpAddress, dev: string): NetlinkRequest {
  const family = ipFamily(ip);
  const bytes = ipToBytes(ip);
  return {
    text: `ip addr add ${hostCidr(ip)} dev ${dev}${family === 6 ? ' nodad' : ''}`,
    interfaces: [dev],
    compose: (numbers) => {
      const header = headerWithIndex(8, numbers.interfaceIndex(dev));
      header.set([ADDRESS_FAMILY[family], ADDRESS_BITS[family], family === 6 ? IFA_F_NODAD : 0, SCOPE_UNIVERSE]);
      return netlinkRequest(RTM.newAddress, FLAGS.add, header, [
        attribute(IFA_LOCAL, bytes),
        attribute(IFA_ADDRESS, bytes),
      ]);
    },
  };
}

export function replaceNeighbour(ip: IpAddress, mac: MacAddress, dev: string): NetlinkRequest {
  const attributes = [attribute(NDA_DST, ipToBytes(ip)), attribute(NDA_LLADDR, macToBytes(mac))];
  return {
    text: `ip neigh replace ${ip} lladdr ${mac} dev ${dev} nud permanent`,
    interfaces: [dev],
    compose: neighbourOf(ADDRESS_FAMILY[ipFamily(ip)], dev, NUD_PERMANENT, 0, attributes),
  };
}

/** A permanent forwarding entry of the bridge. Sticky: no other port can take over the MAC. */
export function replaceForwardingEntry(mac: MacAddress, dev: string): NetlinkRequest {
  return {
    text: `bridge fdb replace ${mac} dev ${dev} master static sticky`,
    interfaces: [dev],
    compose: neighbourOf(AF_BRIDGE, dev, NUD_STATIC, MASTER_STICKY, [attribute(NDA_LLADDR, macToBytes(mac))]),
  };
}

export function putRoute(verb: 'add' | 'replace', route: Route): NetlinkRequest {
  const isOnLink = cidrFamily(route.dst) === 4 && !route.gateway;
  return {
    text: `ip route ${verb} ${routeText(route)}`,
    interfaces: [route.dev],
    compose: (numbers) => {
      const header = routeHeader(
        route,
        isOnLink ? SCOPE_LINK : SCOPE_UNIVERSE,
        route.protocol ?? RTPROT_BOOT,
        RTN_UNICAST,
      );
      return netlinkRequest(
        RTM.newRoute,
        FLAGS[verb],
        header,
        routeAttributes(route, numbers.interfaceIndex(route.dev)),
      );
    },
  };
}

/** Whatever its gateway, source and metric. */
export function deleteRoute(dst: Cidr, dev: string): NetlinkRequest {
  const route = { dst, dev };
  const scope = cidrFamily(dst) === 4 ? SCOPE_NOWHERE : SCOPE_UNIVERSE;
  return {
    text: `ip route del ${dst} dev ${dev}`,
    interfaces: [dev],
    compose: (numbers) => {
      const attributes = routeAttributes(route, numbers.interfaceIndex(dev));
      return netlinkRequest(RTM.deleteRoute, FLAGS.del, routeHeader(route, scope, 0, 0), attributes);
    },
  };
}

export function editRule(verb: 'add' | 'del', { source, table }: SourceRule, preference: number): NetlinkRequest {
  const family = ipFamily(source);
  return {
    text: `ip rule ${verb} from ${source} lookup ${table} pref ${preference}`,
    compose: () => {
      // struct fib_rule_hdr: family, lengths of destination and source, tos, table, two reserved, action, flags u32.
      const header = new Uint8Array(12);
      header.set([ADDRESS_FAMILY[family], 0, ADDRESS_BITS[family], 0, RT_TABLE_UNSPEC]);
      header[7] = verb === 'add' ? FR_ACT_TO_TBL : 0;
      return netlinkRequest(verb === 'add' ? RTM.newRule : RTM.deleteRule, FLAGS[verb], header, [
        attribute(FRA.src, ipToBytes(source)),
        numberAttribute(FRA.table, table),
        numberAttribute(FRA.priority, preference),
      ]);
    },
  };
}

/** struct ndmsg: family u8, padding, index i32 at 4, state u16 at 8, flags u8 at 10, type u8. */
function neighbourOf(family: number, dev: string, state: number, flags: number, attributes: readonly Uint8Array[]) {
  return (numbers: KernelNumbers): Uint8Array => {
    const header = headerWithIndex(12, numbers.interfaceIndex(dev));
    header[0] = family;
    viewOf(header).setUint16(8, state, true);
    header[10] = flags;
    return netlinkRequest(RTM.newNeighbour, FLAGS.replace, header, attributes);
  };
}

/** struct ifaddrmsg and struct ndmsg have the index of the interface at the same place. */
function headerWithIndex(bytes: number, index: number): Uint8Array {
  const header = new Uint8Array(bytes);
  viewOf(header).setInt32(4, index, true);
  return header;
}

/** struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags u32. */
function routeHeader({ dst, table }: Route, scope: number, protocol: number, type: number): Uint8Array {
  const family = ADDRESS_FAMILY[cidrFamily(dst)];
  const numbered = (table ?? null) === null ? RT_TABLE_MAIN : RT_TABLE_UNSPEC;
  return Uint8Array.of(family, cidrPrefix(dst), 0, 0, numbered, protocol, scope, type, 0, 0, 0, 0);
}

function routeAttributes({ dst, gateway, source, metric, table }: Route, index: number): Uint8Array[] {
  return [
    attribute(RTA.dst, ipToBytes(cidrNetwork(dst))),
    ...ifGiven(gateway, (ip) => attribute(RTA.gateway, ipToBytes(ip))),
    ...ifGiven(source, (ip) => attribute(RTA.prefSrc, ipToBytes(ip))),
    ...ifGiven(metric, (value) => numberAttribute(RTA.priority, value)),
    ...ifGiven(table, (value) => numberAttribute(RTA.table, value)),
    numberAttribute(RTA.oif, index),
  ];
}

function routeText({ dst, dev, gateway, source, metric, table, protocol }: Route): string {
  const words = Object.entries({ via: gateway, dev, src: source, proto: protocol, metric, table });
  return [dst, ...words.flatMap(([word, value]) => ifGiven(value, () => `${word} ${value}`))].join(' ');
}

function ifGiven<T, U>(value: T | null | undefined, make: (value: T) => U): U[] {
  return value === null || value === undefined ? [] : [make(value)];
}
