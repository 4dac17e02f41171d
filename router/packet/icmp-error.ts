/**
 * ICMP errors (RFC 792, RFC 4443) for packets that are not forwarded, sent from the node's gateway address so that the sender
 * does not wait for a timeout. None for ICMP errors, fragments other than the first, or packets whose source or destination is
 * no single host (RFC 1122, 3.2.2; RFC 4443, 2.4 e). The rate is bounded.
 */
import { GATEWAY_MAC, macToBytes, MESH_MAC } from '../../common/address/mac-address.js';
import type { Arena } from '../kernel/arena.js';
import { readU16be, writeU16be } from '../kernel/byte-order.js';
import { VIRTIO_NET_HDR_BYTES } from '../kernel/linux-abi.js';
import { fold, sumWords, writeIcmpv6Checksum, writeIpv4Checksum } from './checksum.js';
import { ETHERNET_BYTES, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from './frame.js';

/** Type and code in ICMP and in ICMPv6. */
export interface IcmpError {
  readonly ipv4: readonly [type: number, code: number];
  readonly ipv6: readonly [type: number, code: number];
}

/** Host unreachable; address unreachable. */
export const HOST_UNREACHABLE: IcmpError = { ipv4: [3, 1], ipv6: [1, 3] };
/** Communication administratively prohibited (RFC 1812, 5.2.7.1); source address failed ingress/egress policy. */
export const SOURCE_REFUSED: IcmpError = { ipv4: [3, 13], ipv6: [1, 5] };
/** Fragmentation needed (RFC 1191, 4); packet too big (RFC 4443, 3.2). With the largest packet that passes. */
export const PACKET_TOO_BIG: IcmpError = { ipv4: [3, 4], ipv6: [2, 0] };

const ICMP_HEADER_BYTES = 8;
const ICMP_MTU = 6;
/** Quoted bytes of the packet: IPv4 header with options and 8 bytes; in IPv6 as many as fit a packet of 1280 bytes. */
const QUOTED_IPV4_BYTES = 8;
const QUOTED_IPV6_BYTES = 1280 - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES;
const TTL = 64;
const ROOM_BYTES = VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES + 1280 + 64;
/** ICMP errors per second and in a burst, per instance. */
const RATE_PER_SECOND = 100;
const BURST = 20;

/** Types of ICMP that are errors; in ICMPv6 those below 128 are. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

export class IcmpErrors {
  readonly #room: number;
  #tokens = BURST;
  #filledMs = 0;

  constructor(private readonly arena: Arena) {
    this.#room = arena.allocate(ROOM_BYTES);
    const out = this.#room + VIRTIO_NET_HDR_BYTES;
    arena.u8.set([...macToBytes(GATEWAY_MAC), ...macToBytes(MESH_MAC)], out);
  }

  /**
   * Writes the ICMP error about the packet of `ipBytes` bytes at `l3` as virtio header and frame to the node; `gateway` is its
   * source. Returns its length, or 0 when none may be sent. It lies at {@link at}.
   * @param mtuBytes with PACKET_TOO_BIG
   */
  write(
    error: IcmpError,
    l3: number,
    ipBytes: number,
    gateway: Uint8Array | null,
    nowMs: number,
    mtuBytes = 0,
  ): number {
    const { u8 } = this.arena;
    const ipv6 = u8[l3]! >>> 4 === 6;
    if (gateway === null || !this.#maySend(l3, ipBytes, ipv6) || !this.#takeToken(nowMs)) return 0;
    const type = this.#room + VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES - 2;
    u8[type] = ipv6 ? 0x86 : 0x08;
    u8[type + 1] = ipv6 ? 0xdd : 0x00;
    u8.fill(0, type + 2, type + 2 + IPV6_HEADER_BYTES + ICMP_HEADER_BYTES);
    // The last half of the ICMP header's second word, in both families: no MTU exceeds it.
    writeU16be(u8, type + 2 + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) + ICMP_MTU, mtuBytes);
    const written = ipv6 ? this.#writeIpv6(error, l3, ipBytes, gateway) : this.#writeIpv4(error, l3, ipBytes, gateway);
    return VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES + written;
  }

  /** Arena offset of the last ICMP error. */
  get at(): number {
    return this.#room;
  }

  #maySend(l3: number, ipBytes: number, ipv6: boolean): boolean {
    const { u8 } = this.arena;
    if (ipv6) {
      if (!isSingleHost6(u8, l3 + 8) || !isSingleHost6(u8, l3 + 24)) return false;
      return u8[l3 + 6] !== PROTOCOL_ICMPV6 || (ipBytes > IPV6_HEADER_BYTES && u8[l3 + IPV6_HEADER_BYTES]! >= 128);
    }
    const headerBytes = (u8[l3]! & 15) * 4;
    if (!isSingleHost4(u8, l3 + 12) || !isSingleHost4(u8, l3 + 16)) return false;
    if ((readU16be(u8, l3 + 6) & 0x1fff) !== 0) return false;
    return u8[l3 + 9] !== PROTOCOL_ICMP || (ipBytes > headerBytes && !ICMP_ERRORS.has(u8[l3 + headerBytes]!));
  }

  #takeToken(nowMs: number): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#filledMs) * RATE_PER_SECOND) / 1000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #writeIpv4({ ipv4: [type, code] }: IcmpError, l3: number, ipBytes: number, gateway: Uint8Array): number {
    const { u8 } = this.arena;
    const ip = this.#room + VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES;
    const icmp = ip + IPV4_HEADER_BYTES;
    const quoted = Math.min(ipBytes, (u8[l3]! & 15) * 4 + QUOTED_IPV4_BYTES);
    const total = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted;
    u8[ip] = 0x45;
    writeU16be(u8, ip + 2, total);
    u8[ip + 8] = TTL;
    u8[ip + 9] = PROTOCOL_ICMP;
    u8.set(gateway, ip + 12);
    u8.copyWithin(ip + 16, l3 + 12, l3 + 16);
    writeIpv4Checksum(u8, ip);
    u8[icmp] = type;
    u8[icmp + 1] = code;
    u8.copyWithin(icmp + ICMP_HEADER_BYTES, l3, l3 + quoted);
    writeU16be(u8, icmp + 2, ~fold(sumWords(u8, icmp, ICMP_HEADER_BYTES + quoted, 0)) & 0xffff);
    return total;
  }

  #writeIpv6({ ipv6: [type, code] }: IcmpError, l3: number, ipBytes: number, gateway: Uint8Array): number {
    const { u8 } = this.arena;
    const ip = this.#room + VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES;
    const icmp = ip + IPV6_HEADER_BYTES;
    const quoted = Math.min(ipBytes, QUOTED_IPV6_BYTES);
    u8[ip] = 0x60;
    writeU16be(u8, ip + 4, ICMP_HEADER_BYTES + quoted);
    u8[ip + 6] = PROTOCOL_ICMPV6;
    u8[ip + 7] = TTL;
    u8.set(gateway, ip + 8);
    u8.copyWithin(ip + 24, l3 + 8, l3 + 24);
    u8[icmp] = type;
    u8[icmp + 1] = code;
    u8.copyWithin(icmp + ICMP_HEADER_BYTES, l3, l3 + quoted);
    writeIcmpv6Checksum(u8, ip, icmp, ICMP_HEADER_BYTES + quoted);
    return IPV6_HEADER_BYTES + ICMP_HEADER_BYTES + quoted;
  }
}

/** Neither "this network", loopback, multicast nor reserved (RFC 6890). */
function isSingleHost4(u8: Uint8Array, at: number): boolean {
  const first = u8[at]!;
  return first !== 0 && first !== 127 && first < 224;
}

/** Neither unspecified, loopback nor multicast: those begin with 15 zero bytes, or with ff. */
function isSingleHost6(u8: Uint8Array, at: number): boolean {
  if (u8[at] === 0xff) return false;
  for (let i = 0; i < 15; i++) if (u8[at + i] !== 0) return true;
  return false;
}
