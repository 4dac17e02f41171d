/** What simulated routers send each other: handshake datagrams, units that are not really sealed, and envelopes of relays. */
import type { RelayChannel } from '../../common/router-port.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { checkCookie, describeCookie } from '../../common/wire/cookie-datagram.js';
import { describeHandshake } from '../../common/wire/handshake-datagram.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import { describeControl } from '../wire/control-message.js';

export const SMALL_PACKET_BYTES = 200;
export const UNDERLAY_BYTES = 28;
/** With the header of the datagram and the tag. */
export const UNIT_BYTES = UNDERLAY_BYTES + 32;

export type Packet =
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array }
  /** The index is signed ({@link shortIndex}). */
  | { readonly kind: 'unit'; readonly index: number; readonly key: number; readonly body: UnitBody }
  | Envelope;

export type Inner = Exclude<Packet, Envelope>;

/** Of a relay: its label and what it passes on. */
export interface Envelope {
  readonly kind: 'envelope';
  readonly channel: RelayChannel;
  readonly inner: Inner;
}

export type UnitBody =
  | { readonly kind: 'control'; readonly bytes: Uint8Array }
  | { readonly kind: 'probe'; readonly id: number; readonly sizeBytes: number; readonly sentMs: number }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly sizeBytes: number;
      readonly sentMs: number;
      readonly observed: SocketAddress;
    }
  | { readonly kind: 'frame'; readonly frame: SimFrame };

/** Frame of a pod. What becomes of it is written into it. */
export interface SimFrame {
  readonly sizeBytes: number;
  readonly sentMs: number;
  /** `waiting` in the router of the sender, `onWay` to the peer, `refused` with an ICMP message to the sender. */
  state: 'waiting' | 'onWay' | 'arrived' | 'refused';
  endedMs: number | null;
}

/** Index of a session as a signed number, which needs no object of its own in the heap, as every other unsigned one does. */
export function shortIndex(index: number): number {
  return index | 0;
}

/** The packet in words, for a log. */
export function describePacket(packet: Packet): string {
  if (packet.kind === 'envelope') return `relayed ${describePacket(packet.inner)}`;
  if (packet.kind === 'datagram') return describeDatagram(packet.bytes);
  return `${describeBody(packet.body)} in session 0x${(packet.index >>> 0).toString(16).padStart(8, '0')}`;
}

/** Its size where it does not matter to anything but paths with a small MTU. */
export function packetBytes(packet: Inner): number {
  if (packet.kind === 'datagram') return packet.bytes.length + UNDERLAY_BYTES;
  const { body } = packet;
  if (body.kind === 'control') return body.bytes.length + UNIT_BYTES;
  if (body.kind === 'frame') return body.frame.sizeBytes;
  return body.kind === 'probe' ? body.sizeBytes - ENVELOPE_BYTES : SMALL_PACKET_BYTES;
}

/** A probe's size is that of the whole packet. */
export function isProbe(packet: Packet): boolean {
  return packet.kind === 'unit' && packet.body.kind === 'probe';
}

function describeDatagram(bytes: Uint8Array): string {
  return checkCookie(bytes) ? describeCookie(bytes) : describeHandshake(bytes);
}

function describeBody(body: UnitBody): string {
  switch (body.kind) {
    case 'control':
      return describeControl(body.bytes);
    case 'probe':
      return `probe ${body.id} of ${body.sizeBytes} bytes`;
    case 'answer':
      return `answer to probe ${body.id}`;
    case 'frame':
      return 'frame of a pod';
  }
}
