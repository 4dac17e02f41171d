/**
 * Overhead of carrying a pod's packet between nodes, byte by byte, and the pod MTU that follows (`docs/wire.md`, section 4).
 *
 * ```
 *  +------+-----+----------+----------+------------+----------+---------------------+------+
 *  |  IP  | UDP | datagram | record   | virtio-net | Ethernet | the pod's IP packet | AEAD |
 *  |      |     | header   | length   | header     |          |                     | tag  |
 *  +------+-----+----------+----------+------------+----------+---------------------+------+
 *   40/20    8       16         4          10           14        up to the pod MTU    16
 *                               <----------- sealed -------------------------------->
 * ```
 */
import type { IpFamily } from '../address/ip-address.js';
import { ETHERNET_HEADER_BYTES, RECORD_LENGTH_BYTES, VIRTIO_NET_HEADER_BYTES } from './data-unit.js';
import { DATAGRAM_HEADER_BYTES } from './datagram-header.js';
import { TAG_BYTES } from './sealed-unit.js';

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const UDP_HEADER_BYTES = 8;

/** RFC 8200, section 5: the least MTU of IPv6. Packets larger than the path MTU travel in several datagrams. */
const MIN_POD_MTU_BYTES = 1280;
/** The largest IPv4 packet. */
const MAX_MTU_BYTES = 65535;

/** IP and UDP header of a datagram. */
export function underlayHeaderBytes(family: IpFamily): number {
  return (family === 6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) + UDP_HEADER_BYTES;
}

/** All of the picture over IPv6, so that the pod MTU does not depend on the underlay's family: 108 bytes. */
export const OVERHEAD_BYTES =
  underlayHeaderBytes(6) +
  DATAGRAM_HEADER_BYTES +
  RECORD_LENGTH_BYTES +
  VIRTIO_NET_HEADER_BYTES +
  ETHERNET_HEADER_BYTES +
  TAG_BYTES;

/** The pod MTU whose full-sized packet is carried in one datagram of an underlay with this MTU. */
export function podMtuFor(underlayMtuBytes: number): number {
  return Math.max(MIN_POD_MTU_BYTES, Math.min(underlayMtuBytes, MAX_MTU_BYTES) - OVERHEAD_BYTES);
}
