/**
 * Messages of nflog, by which the kernel sends packets to a program (linux/netfilter/nfnetlink_log.h). Numbers are in the order of
 * this machine, except those of the protocol's own headers and attributes, which are in network order.
 *
 * ```
 *  nlmsghdr 16 B: length, type, flags, sequence, port | nfgenmsg 4 B: family, version, group | attributes: length, type, value
 * ```
 */
const HEADER_BYTES = 16;
const ATTRIBUTES_AT = 20;
const ATTRIBUTE_HEADER_BYTES = 4;
const SUBSYSTEM_ULOG = 4;
const MESSAGE_PACKET = SUBSYSTEM_ULOG << 8;
const MESSAGE_CONFIG = (SUBSYSTEM_ULOG << 8) | 1;
const NLMSG_ERROR = 2;
const REQUEST_WITH_ANSWER = 0x1 | 0x4;
const [CONFIG_COMMAND, CONFIG_MODE, CONFIG_TIMEOUT] = [1, 2, 4];
const COMMAND_BIND = 1;
const MODE_PACKET = 2;
const [ATTRIBUTE_PAYLOAD, ATTRIBUTE_PREFIX] = [9, 10];
/** The kernel's highest bits of a type are flags. */
const TYPE_MASK = 0x3fff;
/** Packets wait so long for others in one message, in units of 10 ms. */
const GATHERED_FOR = 20;

export interface LoggedDrop {
  /** Of the log statement. */
  readonly prefix: string;
  /** From the IP header on, maybe cut. */
  readonly packet: Uint8Array;
}

/** Asks for the packets of a group, with at most `bytes` of each. */
export function bindRequest(group: number, bytes: number): Uint8Array {
  const mode = new Uint8Array(6);
  new DataView(mode.buffer).setUint32(0, bytes);
  mode[4] = MODE_PACKET;
  const timeout = new Uint8Array(4);
  new DataView(timeout.buffer).setUint32(0, GATHERED_FOR);
  const attributes = [
    attribute(CONFIG_COMMAND, Uint8Array.of(COMMAND_BIND)),
    attribute(CONFIG_MODE, mode),
    attribute(CONFIG_TIMEOUT, timeout),
  ];
  const message = new Uint8Array(ATTRIBUTES_AT + attributes.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, MESSAGE_CONFIG, true);
  view.setUint16(6, REQUEST_WITH_ANSWER, true);
  view.setUint16(18, group);
  let at = ATTRIBUTES_AT;
  for (const each of attributes) {
    message.set(each, at);
    at += each.length;
  }
  return message;
}

/** errno of the answer to a request; 0 for success, null when the datagram holds none. */
export function answerOf(datagram: Uint8Array): number | null {
  const view = viewOf(datagram);
  if (datagram.length < ATTRIBUTES_AT || view.getUint16(4, true) !== NLMSG_ERROR) return null;
  return -view.getInt32(HEADER_BYTES, true);
}

/** The packets of a datagram. What is cut or of another kind is left out. */
export function readLoggedDrops(datagram: Uint8Array): LoggedDrop[] {
  const view = viewOf(datagram);
  const drops: LoggedDrop[] = [];
  for (let at = 0; at + ATTRIBUTES_AT <= datagram.length;) {
    const length = view.getUint32(at, true);
    if (length < ATTRIBUTES_AT || at + length > datagram.length) break;
    if (view.getUint16(at + 4, true) === MESSAGE_PACKET) {
      const attributes = readAttributes(datagram.subarray(at + ATTRIBUTES_AT, at + length));
      const [prefix, packet] = [attributes.get(ATTRIBUTE_PREFIX), attributes.get(ATTRIBUTE_PAYLOAD)];
      if (prefix !== undefined && packet !== undefined) drops.push({ prefix: textOf(prefix), packet });
    }
    at += aligned(length);
  }
  return drops;
}

function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(ATTRIBUTE_HEADER_BYTES + value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ATTRIBUTE_HEADER_BYTES + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = viewOf(bytes);
  const values = new Map<number, Uint8Array>();
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) break;
    values.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += aligned(length);
  }
  return values;
}

/** Text ends with a zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
