/**
 * Model of the nft table that enforces the policies of the pods of this node.
 *
 * ```
 *  forward:  source's address ----> map "egress"  ----> chain of its policies: return if a rule allows, else count and drop
 *            destination's address -> map "ingress" --> chain of its policies: likewise
 * ```
 *
 * Where cluster-wide policies have rules for a pod there are two chains: of the Admin tier, and next of what is below it.
 *
 *
 * Chains and sets that never change are named by a hash of what they hold, so a change of policies adds and removes them whole;
 * only the elements of address sets and maps come and go one by one. Pods with the same policies share their chains.
 */
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import type { RuleAction } from '../objects/cluster-policy.js';
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
  readonly verdict: RuleAction;
  /** Of what it drops; null for other verdicts. */
  readonly counter: string | null;
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
  /** The first that a packet matches decides: allowed in this direction, dropped, or on to the next chain. */
  readonly rules: readonly TableRule[];
  /** Chain for what no rule decides; null: allowed, or dropped where there is a counter. */
  readonly next: string | null;
  /** Of packets of no connection, whose ends no rule can tell: dropped where rules deny something; null: none is. */
  readonly invalid: string | null;
  /** Of what is dropped at the end; null: nothing is. */
  readonly counter: string | null;
}

export interface DropCounter {
  readonly direction: Direction;
  /** As `namespace/name`, those whose isolation drops a packet; the name of a cluster-wide one; none: the pod is not known yet. */
  readonly policies: readonly string[];
  /** Place of the Deny rule in a cluster-wide policy, as `spec.ingress[0] "name"`; null for the lack of a rule. */
  readonly rule: string | null;
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

/** Beginning of the names of chains that lead to another chain. */
export const BEFORE = 'before-';

export const VERDICT_MAPS: readonly VerdictMap[] = ['egress4', 'egress6', 'ingress4', 'ingress6'];

/** Sets of each isolated address with itself: a pod reaches itself, also by a Service. */
export const SELF_SETS = { 4: 'self4', 6: 'self6' } as const;

export const ADDRESS_TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
export const PORT_TYPE = 'inet_service';
