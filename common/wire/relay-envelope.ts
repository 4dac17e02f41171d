/**
 * Datagram type 8, relay: an envelope around a datagram that a third node passes on (ADR 0044; `docs/wire.md`, section 13). 16
 * bytes, as long as a header, so that the datagram behind it is aligned as any other. Big-endian.
 *
 * ```
 *  0        1        2          4           8                        16
 *  +--------+--------+----------+-----------+------------------------+- - - - - - - - - - - - - - - -
 *  | type 8 | lane   | zero     | channel   | token                  | a datagram of type 1 to 7
 *  | u8     | u8     | u16      | u32       | u64                    |
 *  +--------+--------+----------+-----------+------------------------+- - - - - - - - - - - - - - - -
 * ```
 * `lane` is that of the datagram inside: nodes with several forwarding threads steer by this byte. The receiver chose channel
 * and token. The zeros are ignored.
 */
import type { RelayChannel } from '../router-port.js';
import { DATAGRAM_HEADER_BYTES, datagramType, TYPE_RELAY } from './datagram-header.js';

const LANE_AT = 1;
const CHANNEL_AT = 4;
const TOKEN_AT = 8;
export const TOKEN_BYTES = 8;
export const ENVELOPE_BYTES = TOKEN_AT + TOKEN_BYTES;

/** Words of an envelope in memory. Channel and token stay in the byte order of the wire: they are only compared. */
export const CHANNEL_WORD = CHANNEL_AT >>> 2;
export const TOKEN_WORD = TOKEN_AT >>> 2;

/** True when the bytes are an envelope around a header that may begin a datagram of another type, and something behind it. */
export function checkEnvelope(bytes: Uint8Array): boolean {
  return (
    bytes.length > ENVELOPE_BYTES + DATAGRAM_HEADER_BYTES &&
    datagramType(bytes) === TYPE_RELAY &&
    datagramType(innerDatagram(bytes)) !== TYPE_RELAY
  );
}

/** Throws RangeError on fewer bytes than an envelope has. */
export function readEnvelope(bytes: Uint8Array): RelayChannel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { channel: view.getUint32(CHANNEL_AT), token: bytes.slice(TOKEN_AT, TOKEN_AT + TOKEN_BYTES) };
}

/** The datagram inside: a view of the same memory. */
export function innerDatagram(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(ENVELOPE_BYTES);
}

/** An envelope with the datagram in it. */
export function wrapDatagram(datagram: Uint8Array, { channel, token }: RelayChannel): Uint8Array {
  const bytes = new Uint8Array(ENVELOPE_BYTES + datagram.length);
  bytes[0] = TYPE_RELAY;
  bytes[LANE_AT] = datagram[LANE_AT] ?? 0;
  new DataView(bytes.buffer).setUint32(CHANNEL_AT, channel);
  bytes.set(token, TOKEN_AT);
  bytes.set(datagram, ENVELOPE_BYTES);
  return bytes;
}

/** One line for people, without the token: `relay envelope, channel 0x0000002a, 120 bytes inside`. */
export function describeEnvelope(bytes: Uint8Array): string {
  if (!checkEnvelope(bytes)) return `no relay envelope (${bytes.length} bytes)`;
  const channel = readEnvelope(bytes).channel.toString(16).padStart(8, '0');
  return `relay envelope, channel 0x${channel}, ${bytes.length - ENVELOPE_BYTES} bytes inside`;
}
