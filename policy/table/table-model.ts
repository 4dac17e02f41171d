/**
 * Model of the nft table that enforces the policies of the pods of this node.
 *
 * ```
 *  forward:  source's address ----> map "egress"  ----> chain of its policies: return if a rule allows, else count and drop
 *            destination's address -> map "ingress" --> chain of its policies: likewise
 * ```
 *
 * Chains and sets that never change are named by a hash of what they hold, so a change of policies adds and removes them whole;
 * only the elements of address sets and maps come and go one by one. Pods with the same policies share their chains.
 */
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import type { Direction } from '../objects/network-policy.js';
import type { Protocol } from '../objects/pod.js';

/** As nft names the type of an element: one word, or several for a concatenation. */
export type ElementType = readonly string[];

export interface TableSet {
  readonly type: ElementType;
  /** Elements may be ranges. */
  readonly isInterval: boolean;
  /** `10.0.0.1`, `10.0.0.1 . 80`, `80`, `80-90`. The same object as long as nothing changed. */
  readonly elements: ReadonlySet<string>;
}

export interface TableRule {
  /** Set of addresses that the peer's has to be in; null: any. */
  readonly peers: string | null;
  /** Null: everything, also other protocols. */
  readonly ports: TablePorts | null;
}

export interface TablePorts {
  readonly protocol: Protocol;
  /** Set of ports; for named ones, of addresses with ports. Null: all of the protocol. */
  readonly set: string | null;
  readonly isNamed: boolean;
}

export interface TableChain {
  readonly direction: Direction;
  readonly family: IpFamily;
  /** A packet that matches one is allowed in this direction. */
  readonly rules: readonly TableRule[];
  /** Of what is dropped at the end. */
  readonly counter: string;
}

/** Policies, as `namespace/name`, whose isolation makes a packet count; none: the pod is not known yet. */
export interface DropCounter {
  readonly direction: Direction;
  readonly policies: readonly string[];
}

export type VerdictMap = 'egress4' | 'egress6' | 'ingress4' | 'ingress6';

export interface PolicyTable {
  readonly sets: ReadonlyMap<string, TableSet>;
  readonly chains: ReadonlyMap<string, TableChain>;
  /** Chain by the address of a pod of this node. */
  readonly verdicts: Readonly<Record<VerdictMap, ReadonlyMap<IpAddress, string>>>;
  readonly counters: ReadonlyMap<string, DropCounter>;
  /** Whether the kernel sends some of the dropped packets to the node's agent (nflog), with the counter's name. */
  readonly logsDrops: boolean;
}

export const VERDICT_MAPS: readonly VerdictMap[] = ['egress4', 'egress6', 'ingress4', 'ingress6'];

/** Sets of each isolated address with itself: a pod reaches itself, also by a Service. */
export const SELF_SETS = { 4: 'self4', 6: 'self6' } as const;

export const ADDRESS_TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
export const PORT_TYPE = 'inet_service';
