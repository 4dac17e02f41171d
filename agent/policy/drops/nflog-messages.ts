/**
 * Messages of nflog, by which the kernel sends packets to a program (linux/netfilter/nfnetlink_log.h). Numbers are in the order of
 * this machine, except those of the protocol's own headers and attributes, which are in network order.
 * The resource of the header (`common/host/netfilter-message.ts`) is the group.
 */
import { NETFILTER_HEADER_BYTES, netfilterRequest, netfilterType } from '../../../common/host/netfilter-message.js';
import { attribute, NLM_F_ACK, readAttributes, readReplies, readText } from '../../../common/host/netlink-message.js';

/** NFULNL_MSG_*. */
const [MESSAGE_PACKET, MESSAGE_CONFIG] = [netfilterType('log', 0), netfilterType('log', 1)];
const [CONFIG_COMMAND, CONFIG_MODE, CONFIG_TIMEOUT] = [1, 2, 4];
const COMMAND_BIND = 1;
const MODE_PACKET = 2;
const [ATTRIBUTE_PAYLOAD, ATTRIBUTE_PREFIX] = [9, 10];
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
  return netfilterRequest(MESSAGE_CONFIG, NLM_F_ACK, { resource: group }, attributes);
}

/** errno of the answer to a request; 0 for success, null when the datagram holds none. */
export function answerOf(datagram: Uint8Array): number | null {
  return readReplies(datagram)[0]?.errno ?? null;
}

/** The packets of a datagram. What is cut or of another kind is left out. */
export function readLoggedDrops(datagram: Uint8Array): LoggedDrop[] {
  return readReplies(datagram).flatMap(({ type, body }) => {
    if (type !== MESSAGE_PACKET) return [];
    const attributes = readAttributes(body.subarray(NETFILTER_HEADER_BYTES));
    const [prefix, packet] = [attributes.get(ATTRIBUTE_PREFIX), attributes.get(ATTRIBUTE_PAYLOAD)];
    return prefix === undefined || packet === undefined ? [] : [{ prefix: readText(prefix), packet }];
  });
}
