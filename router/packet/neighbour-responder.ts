/**
 * Responder to ARP requests (RFC 826) and neighbour solicitations (RFC 4861) for remote pods: a pod's MAC is computed from its
 * address. Neither protocol crosses the mesh in any direction. Requests for local addresses are left to the bridge.
 */
import { MAC_PREFIX_IPV4, MAC_PREFIX_IPV6 } from '../../common/address/mac-address.js';
import type { Arena } from '../kernel/arena.js';
import { writeIcmpv6Checksum } from './checksum.js';
import { ETHERNET_BYTES, IPV6_HEADER_BYTES, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from './frame.js';
import { VIRTIO_NET_HDR_BYTES } from '../kernel/linux-abi.js';
import { MAPPED_WORD } from '../tables/prefix-table.js';

const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const ND_SOLICITATION = 135;
const ND_ADVERTISEMENT = 136;
const ND_BYTES = 24;
const OPTION_TARGET_LINK_ADDRESS = 2;
const OPTION_BYTES = 8;
/** Solicited and Override (RFC 4861, 4.4). */
const ADVERTISEMENT_FLAGS = 0x60;
const HOP_LIMIT = 255;

/** ICMPv6 types of router and neighbour discovery (RFC 4861): solicitations, advertisements, redirect. */
const ND_FIRST = 133;
const ND_LAST = 137;
/** Extension headers that a host skips (RFC 8200, 4): hop-by-hop options, routing, destination options. */
const EXTENSIONS: readonly number[] = [0, 43, 60];
const MAX_EXTENSIONS = 8;

/**
 * True when the IPv6 packet from `l3` to `end` is neighbour discovery, which must not cross the mesh: with it a node could take
 * over addresses of others. A packet with more than MAX_EXTENSIONS extension headers is taken for it.
 */
export function isNeighbourDiscovery(u8: Uint8Array, l3: number, end: number): boolean {
  let next = u8[l3 + 6]!;
  if (next === PROTOCOL_TCP || next === PROTOCOL_UDP) return false;
  let at = l3 + IPV6_HEADER_BYTES;
  for (let i = 0; EXTENSIONS.includes(next); i++) {
    if (i === MAX_EXTENSIONS) return true;
    if (at + 8 > end) return false;
    next = u8[at]!;
    at += (u8[at + 1]! + 1) * 8;
  }
  return next === PROTOCOL_ICMPV6 && at < end && u8[at]! >= ND_FIRST && u8[at]! <= ND_LAST;
}

export interface NeighbourRequest {
  /** Words of the requested address. */
  readonly target: Int32Array;
}

/** Reads an ARP request at layer 3 offset `l3` with `length` bytes left. False for anything else, probes and announcements included. */
export function readArpRequest(arena: Arena, l3: number, length: number, request: NeighbourRequest): boolean {
  const { u8, i32 } = arena;
  if (length < ARP_BYTES || u8[l3 + 7] !== ARP_REQUEST || u8[l3 + 6] !== 0) return false;
  if (u8[l3 + 2] !== 8 || u8[l3 + 3] !== 0 || u8[l3 + 4] !== 6 || u8[l3 + 5] !== 4) return false;
  request.target[0] = request.target[1] = 0;
  request.target[2] = MAPPED_WORD;
  request.target[3] = i32[(l3 + 24) >>> 2]!;
  // RFC 5227: a probe has no sender address, an announcement requests its own.
  return i32At(u8, l3 + 14) !== 0 && i32At(u8, l3 + 14) !== request.target[3];
}

/** Reads a neighbour solicitation at `l3`. False for anything else, and for duplicate address detection. */
export function readSolicitation(arena: Arena, l3: number, length: number, request: NeighbourRequest): boolean {
  const { u8, i32 } = arena;
  const icmp = l3 + IPV6_HEADER_BYTES;
  if (length < IPV6_HEADER_BYTES + ND_BYTES || u8[l3 + 6] !== PROTOCOL_ICMPV6 || u8[icmp] !== ND_SOLICITATION)
    return false;
  if (u8[l3 + 7] !== HOP_LIMIT || u8[icmp + 1] !== 0) return false;
  for (let i = 0; i < 4; i++) request.target[i] = i32[((icmp + 8) >>> 2) + i]!;
  const source = (l3 + 8) >>> 2;
  return (i32[source]! | i32[source + 1]! | i32[source + 2]! | i32[source + 3]!) !== 0;
}

/**
 * Writes the ARP reply to the request at `l3` as virtio header and frame at `to`; returns its length. The reply goes to
 * the sender, without VLAN tags.
 */
export function writeArpReply(arena: Arena, l3: number, to: number): number {
  const { u8 } = arena;
  const frame = to + VIRTIO_NET_HDR_BYTES;
  const arp = frame + ETHERNET_BYTES;
  u8.fill(0, to, frame);
  u8.copyWithin(frame, l3 + 8, l3 + 14);
  writeComputedMacIpv4(u8, frame + 6, l3 + 24);
  u8[frame + 12] = 0x08;
  u8[frame + 13] = 0x06;
  u8.copyWithin(arp, l3, l3 + 8);
  u8[arp + 7] = ARP_REPLY;
  u8.copyWithin(arp + 8, frame + 6, frame + 12);
  u8.copyWithin(arp + 14, l3 + 24, l3 + 28);
  u8.copyWithin(arp + 18, l3 + 8, l3 + 18);
  return VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES + ARP_BYTES;
}

/** Writes the neighbour advertisement that answers the solicitation at `l3`; as {@link writeArpReply}. */
export function writeAdvertisement(arena: Arena, frameFrom: number, l3: number, to: number): number {
  const { u8 } = arena;
  const frame = to + VIRTIO_NET_HDR_BYTES;
  const ip = frame + ETHERNET_BYTES;
  const icmp = ip + IPV6_HEADER_BYTES;
  const target = l3 + IPV6_HEADER_BYTES + 8;
  u8.fill(0, to, icmp + ND_BYTES + OPTION_BYTES);
  u8.copyWithin(frame, frameFrom + 6, frameFrom + 12);
  writeComputedMacIpv6(u8, frame + 6, target);
  u8[frame + 12] = 0x86;
  u8[frame + 13] = 0xdd;
  u8[ip] = 0x60;
  u8[ip + 5] = ND_BYTES + OPTION_BYTES;
  u8[ip + 6] = PROTOCOL_ICMPV6;
  u8[ip + 7] = HOP_LIMIT;
  u8.copyWithin(ip + 8, target, target + 16);
  u8.copyWithin(ip + 24, l3 + 8, l3 + 24);
  u8[icmp] = ND_ADVERTISEMENT;
  u8[icmp + 4] = ADVERTISEMENT_FLAGS;
  u8.copyWithin(icmp + 8, target, target + 16);
  u8[icmp + 24] = OPTION_TARGET_LINK_ADDRESS;
  u8[icmp + 25] = 1;
  u8.copyWithin(icmp + 26, frame + 6, frame + 12);
  writeIcmpv6Checksum(u8, ip, icmp, ND_BYTES + OPTION_BYTES);
  return VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES + IPV6_HEADER_BYTES + ND_BYTES + OPTION_BYTES;
}

/** The rule of `common/address/mac-address.ts`, on bytes in place. */
function writeComputedMacIpv4(u8: Uint8Array, at: number, address: number): void {
  u8[at] = MAC_PREFIX_IPV4 >>> 8;
  u8[at + 1] = MAC_PREFIX_IPV4 & 255;
  u8.copyWithin(at + 2, address, address + 4);
}

function writeComputedMacIpv6(u8: Uint8Array, at: number, address: number): void {
  let hash = 2166136261;
  for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ u8[address + i]!, 16777619);
  u8[at] = MAC_PREFIX_IPV6 >>> 8;
  u8[at + 1] = MAC_PREFIX_IPV6 & 255;
  u8[at + 2] = hash >>> 24;
  u8[at + 3] = hash >>> 16;
  u8[at + 4] = hash >>> 8;
  u8[at + 5] = hash;
}

function i32At(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}
