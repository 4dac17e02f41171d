/**
 * Messages of netlink sockets (netlink(7)), by which the kernel is configured. Numbers are in the order of this machine.
 *
 * ```
 *  nlmsghdr 16 B: length, type, flags, sequence, port | header of the type | attributes: length, type, value
 * ```
 *
 * Headers and attributes begin at multiples of 4 bytes. Pure.
 */
const MESSAGE_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const SEQUENCE_AT = 8;
/** An answer, and the end of a list, which has the same number behind its header. */
const [NLMSG_ERROR, NLMSG_DONE] = [2, 3];
/** The message of an error is its header alone (NETLINK_CAP_ACK), and attributes follow it (NETLINK_EXT_ACK). */
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const ERROR_ATTRIBUTES_AT = MESSAGE_HEADER_BYTES + 4 + MESSAGE_HEADER_BYTES;
/** The highest bits of a type are flags. */
const TYPE_MASK = 0x3fff;
/** Newer parts of the kernel refuse a nested attribute without it. */
const NLA_F_NESTED = 0x8000;
const NLM_F_REQUEST = 0x1;

/** AF_INET and AF_INET6, as headers and attributes name them. */
export const ADDRESS_FAMILY = { 4: 2, 6: 10 } as const;

/** Flags of a request beside NLM_F_REQUEST. */
export const NLM_F_ACK = 0x4;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** All objects are wanted, as a list. */
export const NLM_F_DUMP = 0x300;

/** Message from the kernel. */
export interface NetlinkReply {
  readonly type: number;
  readonly sequence: number;
  /** Of an answer, and of the end of a list: 0 for success. Null for a message with data. */
  readonly errno: number | null;
  /** The kernel's own words about an error, or ''. */
  readonly reason: string;
  /** Behind the message header. */
  readonly body: Uint8Array;
}

/** A request without a sequence number. @param header of the type; its length is a multiple of 4 */
export function netlinkRequest(
  type: number,
  flags: number,
  header: Uint8Array,
  attributes: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const message = Buffer.concat([new Uint8Array(MESSAGE_HEADER_BYTES), header, ...attributes]);
  const view = viewOf(message);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  return message;
}

export function setSequence(message: Uint8Array, sequence: number): void {
  viewOf(message).setUint32(SEQUENCE_AT, sequence, true);
}

/** The messages of a datagram; one that is cut ends the list. */
export function readReplies(datagram: Uint8Array): NetlinkReply[] {
  const view = viewOf(datagram);
  const replies: NetlinkReply[] = [];
  for (let at = 0; at + MESSAGE_HEADER_BYTES <= datagram.length;) {
    const length = view.getUint32(at, true);
    if (length < MESSAGE_HEADER_BYTES || at + length > datagram.length) break;
    replies.push(readReply(datagram.subarray(at, at + length)));
    at += aligned(length);
  }
  return replies;
}

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(ATTRIBUTE_HEADER_BYTES + value.length));
  const view = viewOf(bytes);
  view.setUint16(0, ATTRIBUTE_HEADER_BYTES + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** An attribute that holds others, behind a header where the type has one. */
export function nested(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NLA_F_NESTED, Buffer.concat(parts));
}

export function numberAttribute(type: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return attribute(type, bytes);
}

/** Text ends with a zero byte. */
export function textAttribute(type: number, text: string): Uint8Array {
  return attribute(type, new TextEncoder().encode(`${text}\0`));
}

export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
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

export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function readReply(message: Uint8Array): NetlinkReply {
  const view = viewOf(message);
  const type = view.getUint16(4, true);
  const isError = type === NLMSG_ERROR && message.length >= ERROR_ATTRIBUTES_AT;
  const isAnswer = isError || (type === NLMSG_DONE && message.length >= MESSAGE_HEADER_BYTES + 4);
  const hasText = isError && (view.getUint16(6, true) & NLM_F_ACK_TLVS) !== 0;
  const text = hasText ? readAttributes(message.subarray(ERROR_ATTRIBUTES_AT)).get(NLMSGERR_ATTR_MSG) : undefined;
  return {
    type,
    sequence: view.getUint32(SEQUENCE_AT, true),
    errno: isAnswer ? -view.getInt32(MESSAGE_HEADER_BYTES, true) : null,
    reason: text === undefined ? '' : readText(text),
    body: message.subarray(MESSAGE_HEADER_BYTES),
  };
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
