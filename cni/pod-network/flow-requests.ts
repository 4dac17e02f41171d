/**
 * Composer of requests about tracked connections (linux/netfilter/nfnetlink_conntrack.h), each with a tuple of addresses and ports
 * per direction. Kernels before 5.8 list all connections whatever is asked for, so what is listed is compared again. Pure.
 */
import { ipFamily, ipToBytes } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { NETFILTER_HEADER_BYTES, netfilterRequest, netfilterType } from '../../common/host/netfilter-message.js';
import {
  ADDRESS_FAMILY,
  attribute,
  nested,
  NLM_F_ACK,
  NLM_F_DUMP,
  numberAttribute,
  readAttributes,
} from '../../common/host/netlink-message.js';
import type { NetlinkReply } from '../../common/host/netlink-message.js';
import type { NetfilterRequest } from '../../common/host/netlink-runner.js';

/** IPCTNL_MSG_CT_*. */
const [MESSAGE_GET, MESSAGE_DELETE] = [1, 2];
/** CTA_*. */
const CTA = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
const TUPLE_IP = 1;
/** CTA_IP_*. */
const ADDRESS_OF = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;
/** CTA_FILTER_*, and the flags in them. */
const FILTER_FLAGS = { original: 1, reply: 2 } as const;
const FLAG_OF = { source: 1, destination: 2 } as const;
const NOTHING = new Uint8Array();

/** Place of an address in a connection. */
interface FlowEnd {
  readonly direction: 'original' | 'reply';
  readonly end: 'source' | 'destination';
}

/** As an address sends, as others send to it, and as a Service address leads to it. */
const FLOW_ENDS: readonly FlowEnd[] = [
  { direction: 'original', end: 'source' },
  { direction: 'original', end: 'destination' },
  { direction: 'reply', end: 'source' },
];

/** One list of all connections. */
export function listAllFlows(): NetfilterRequest {
  return listFlows('conntrack -L', 0, []);
}

/**
 * A list for each place that an IPv4 address can have, and one of all IPv6 connections: Linux 6.18 and before compare IPv6
 * addresses the wrong way round, and list all connections but those asked for.
 */
export function listFlowsOf(addresses: readonly IpAddress[]): NetfilterRequest[] {
  const hasIpv6 = addresses.some((ip) => ipFamily(ip) === 6);
  const lists = addresses
    .filter((ip) => ipFamily(ip) === 4)
    .flatMap((ip) => FLOW_ENDS.map((place) => listAt(ip, place)));
  return hasIpv6 ? [...lists, listFlows('conntrack -L -f ipv6', ADDRESS_FAMILY[6], [])] : lists;
}

function listAt(ip: IpAddress, { direction, end }: FlowEnd): NetfilterRequest {
  const flags = (of: FlowEnd['direction']) => numberAttribute(FILTER_FLAGS[of], of === direction ? FLAG_OF[end] : 0);
  return listFlows(`conntrack -L -f ipv4 with ${ip} as ${direction} ${end}`, ADDRESS_FAMILY[4], [
    nested(CTA[direction], nested(TUPLE_IP, attribute(ADDRESS_OF[4][end], ipToBytes(ip)))),
    nested(CTA.filter, flags('original'), flags('reply')),
  ]);
}

function listFlows(text: string, family: number, attributes: readonly Uint8Array[]): NetfilterRequest {
  const type = netfilterType('conntrack', MESSAGE_GET);
  return { text, message: netfilterRequest(type, NLM_F_DUMP, { family }, attributes) };
}

/** Null for a connection with none of the addresses in one of the places. */
export function deleteFlow(addresses: readonly IpAddress[], { body }: NetlinkReply): Uint8Array | null {
  const flow = readAttributes(body.subarray(NETFILTER_HEADER_BYTES));
  if (!addresses.some((ip) => isIn(flow, ip))) return null;
  const named = [CTA.original, CTA.id, CTA.zone].flatMap((part) => {
    const value = flow.get(part);
    if (value === undefined) return [];
    return part === CTA.original ? nested(part, value) : attribute(part, value);
  });
  return netfilterRequest(netfilterType('conntrack', MESSAGE_DELETE), NLM_F_ACK, { family: body[0] ?? 0 }, named);
}

function isIn(flow: ReadonlyMap<number, Uint8Array>, ip: IpAddress): boolean {
  const [family, bytes] = [ipFamily(ip), ipToBytes(ip)];
  return FLOW_ENDS.some(({ direction, end }) => {
    const tuple = readAttributes(flow.get(CTA[direction]) ?? NOTHING);
    const found = readAttributes(tuple.get(TUPLE_IP) ?? NOTHING).get(ADDRESS_OF[family][end]);
    return found !== undefined && Buffer.compare(found, bytes) === 0;
  });
}
