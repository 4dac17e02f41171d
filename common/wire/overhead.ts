/**
 * What carrying a pod's packet between nodes adds to it, byte by byte, and the pod MTU that follows. Every part that
 * reckons with sizes takes its numbers from this picture (`docs/wire.md`).
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

export const UNDERLAY_IPV4_HEADER_BYTES = 20;
export const UNDERLAY_IPV6_HEADER_BYTES = 40;
export const UDP_HEADER_BYTES = 8;
export const DATAGRAM_HEADER_BYTES = 16;
const RECORD_LENGTH_BYTES = 4;
const VIRTIO_NET_HEADER_BYTES = 10;
const ETHERNET_HEADER_BYTES = 14;
const AEAD_TAG_BYTES = 16;

/** All of the picture over IPv6, so that the underlay's family never decides the pods' MTU: 108 bytes. */
export const OVERHEAD_BYTES =
  UNDERLAY_IPV6_HEADER_BYTES +
  UDP_HEADER_BYTES +
  DATAGRAM_HEADER_BYTES +
  RECORD_LENGTH_BYTES +
  VIRTIO_NET_HEADER_BYTES +
  ETHERNET_HEADER_BYTES +
  AEAD_TAG_BYTES;

/** RFC 8200, section 5: no link that carries IPv6 has less. Larger packets than the path takes are cut by the router. */
const MIN_POD_MTU_BYTES = 1280;
/** The largest IPv4 packet. */
const MAX_MTU_BYTES = 65535;

/** The pod MTU whose full-sized packet is carried in one datagram of an underlay with this MTU. */
export function podMtuFor(underlayMtuBytes: number): number {
  return Math.max(MIN_POD_MTU_BYTES, Math.min(underlayMtuBytes, MAX_MTU_BYTES) - OVERHEAD_BYTES);
}
