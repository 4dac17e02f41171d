/**
 * Flow of an IP packet (RFC 791, 8200): its addresses, its protocol, and its destination port where there is one. Later fragments
 * have none, and neither have packets that are cut before it.
 */
import { ipFromBytes } from '../../../common/address/ip-address.js';
import type { IpAddress } from '../../../common/address/ip-address.js';

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** Source and destination port are the first fields of all three. */
const WITH_PORTS: ReadonlyMap<number, string> = new Map([
  [6, 'TCP'],
  [17, 'UDP'],
  [132, 'SCTP'],
]);
const NAMES: ReadonlyMap<number, string> = new Map([...WITH_PORTS, [1, 'ICMP'], [58, 'ICMPv6']]);
const [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS] = [0, 43, 44, 51, 60];
/** More extension headers than this are not looked behind. */
const MAX_EXTENSIONS = 8;

export interface PacketFlow {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TCP, UDP, SCTP, ICMP, ICMPv6; "protocol 47" for others. */
  readonly protocol: string;
  readonly port: number | null;
}

/** Null for what is no IP packet, or is cut within its first header. */
export function flowOfPacket(packet: Uint8Array): PacketFlow | null {
  const version = (packet[0] ?? 0) >>> 4;
  if (version === 4) return flowOfIpv4(packet);
  return version === 6 ? flowOfIpv6(packet) : null;
}

function flowOfIpv4(packet: Uint8Array): PacketFlow | null {
  if (packet.length < IPV4_HEADER_BYTES) return null;
  const headerBytes = (packet[0]! & 15) * 4;
  const fragmentOffset = ((packet[6]! & 0x1f) << 8) | packet[7]!;
  const portAt = fragmentOffset === 0 && headerBytes >= IPV4_HEADER_BYTES ? headerBytes : null;
  return {
    source: ipFromBytes(packet.subarray(12, 16)),
    destination: ipFromBytes(packet.subarray(16, 20)),
    ...transport(packet, packet[9]!, portAt),
  };
}

function flowOfIpv6(packet: Uint8Array): PacketFlow | null {
  if (packet.length < IPV6_HEADER_BYTES) return null;
  let [protocol, at, isFirst] = [packet[6]!, IPV6_HEADER_BYTES, true];
  for (let i = 0; i < MAX_EXTENSIONS && isExtension(protocol) && at + 8 <= packet.length; i++) {
    const [next, length] = [packet[at]!, packet[at + 1]!];
    if (protocol === FRAGMENT) isFirst &&= (packet[at + 2]! << 8) + packet[at + 3]! < 8;
    at += protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
    protocol = next;
  }
  return {
    source: ipFromBytes(packet.subarray(8, 24)),
    destination: ipFromBytes(packet.subarray(24, 40)),
    ...transport(packet, protocol, isFirst ? at : null),
  };
}

function isExtension(protocol: number): boolean {
  return [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS].includes(protocol);
}

function transport(packet: Uint8Array, protocol: number, at: number | null): Pick<PacketFlow, 'protocol' | 'port'> {
  const hasPort = at !== null && WITH_PORTS.has(protocol) && at + 4 <= packet.length;
  const port = hasPort ? (packet[at + 2]! << 8) | packet[at + 3]! : null;
  return { protocol: NAMES.get(protocol) ?? `protocol ${protocol}`, port };
}
