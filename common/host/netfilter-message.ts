/**
 * Messages to the parts of netfilter (linux/netfilter/nfnetlink.h), on sockets of NETLINK_NETFILTER. Pure.
 *
 * ```
 *  nlmsghdr 16 B, with the type: subsystem u8, message u8 | nfgenmsg 4 B: family u8, version u8, resource u16 BE | attributes
 * ```
 */
import { netlinkRequest } from './netlink-message.js';

/** Of nfgenmsg, behind the message header. */
export const NETFILTER_HEADER_BYTES = 4;
/** NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END. */
const [BATCH_BEGIN, BATCH_END] = [16, 17];
/** NFNL_SUBSYS_*. */
const SUBSYSTEM = { conntrack: 1, log: 4, tables: 10 } as const;

export type NetfilterSubsystem = keyof typeof SUBSYSTEM;

/** Address family and resource of a request; 0 where there is none. */
export interface NetfilterScope {
  readonly family?: number;
  readonly resource?: number;
}

export function netfilterType(subsystem: NetfilterSubsystem, message: number): number {
  return (SUBSYSTEM[subsystem] << 8) | message;
}

export function netfilterRequest(
  type: number,
  flags: number,
  { family = 0, resource = 0 }: NetfilterScope,
  attributes: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  return netlinkRequest(type, flags, Uint8Array.of(family, 0, resource >> 8, resource & 0xff), attributes);
}

/** Begin and end of a transaction of nf_tables, whose changes are made together or not at all. */
export function asTransaction(changes: readonly Uint8Array[]): readonly Uint8Array[] {
  const [begin, end] = [BATCH_BEGIN, BATCH_END].map((type) =>
    netfilterRequest(type, 0, { resource: SUBSYSTEM.tables }, []),
  ) as [Uint8Array, Uint8Array];
  return [begin, ...changes, end];
}
