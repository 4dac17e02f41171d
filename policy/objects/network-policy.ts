/** NetworkPolicy (`networking.k8s.io/v1`) as it was read: what has to hold, without the defaults and short forms of the API. */
import type { IpBlock } from './ip-block.js';
import type { LabelSelector } from './label-selector.js';
import type { Protocol } from './pod.js';

export type Direction = 'ingress' | 'egress';

export interface PodPeers {
  readonly kind: 'pods';
  /** Null: the policy's own namespace. */
  readonly namespaces: LabelSelector | null;
  readonly pods: LabelSelector;
}

export interface BlockPeers {
  readonly kind: 'block';
  readonly block: IpBlock;
}

export type PolicyPeer = PodPeers | BlockPeers;

export interface PolicyPort {
  readonly protocol: Protocol;
  /** Null: all ports of the protocol. A name stands for the port that the destination pod calls so. */
  readonly port: { readonly first: number; readonly last: number } | { readonly name: string } | null;
}

export interface PolicyRule {
  /** Null: everyone. Empty: nobody, which is left of a rule whose peers cannot be read. */
  readonly peers: readonly PolicyPeer[] | null;
  /** Null: everything. Empty: nothing, as above. */
  readonly ports: readonly PolicyPort[] | null;
}

export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  /** The pods of its namespace that it isolates. */
  readonly pods: LabelSelector;
  /** What is allowed in this direction; null: the policy does not isolate in it. */
  readonly ingress: readonly PolicyRule[] | null;
  readonly egress: readonly PolicyRule[] | null;
  /** Of the object, what was read: as the API server gives it. */
  readonly written: unknown;
  /** Parts that could not be read, in words. They allow nothing. */
  readonly problems: readonly string[];
}
