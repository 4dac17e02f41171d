/**
 * Port to the source of trust: which keys are nodes of the cluster, under which names, and with which pod CIDRs. Three sources:
 * the cluster secret (`secret-trust.ts`), a list of keys in a file (`listed-keys.ts`), Kubernetes (`kubernetes-trust.ts`).
 * The mesh core asks and judges by the answers (`mesh/cluster/authority.ts`).
 */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeChange } from '../../mesh/index.js';
import type { NodeSettings } from '../settings/node-settings.js';

export interface NamedNode {
  readonly node: NodeId;
  readonly name: string;
  readonly podCidrs: readonly Cidr[];
}

/** `podCidrs` is null when the node of this name has another key, or does not exist. */
export interface TrustAnswer {
  readonly node: NodeId;
  readonly name: string;
  readonly podCidrs: readonly Cidr[] | null;
}

export type TrustQuestion = (
  node: NodeId,
  name: string,
  publicKey: Uint8Array,
) => Promise<readonly Cidr[] | null | undefined>;

/** @returns the function that ends the watch */
export type NodeWatch = (onChange: (change: NodeChange) => void) => () => void;

export interface TrustSource {
  /** Whether a node must be named. When not, all that have the cluster secret are nodes, with every CIDR. */
  readonly isRequired: boolean;
  /** What it said before this process started. */
  readonly remembered: readonly NamedNode[];
  /** The pod CIDRs of the node, or null as in {@link TrustAnswer}. Undefined when there is no answer now. */
  readonly ask: TrustQuestion;
  /**
   * Watches all nodes, and tells of those that are gone or have another key, also of those that went before and whose key is
   * known. Null where every node sees changes without a watch.
   */
  readonly watch: NodeWatch | null;
  /** Other settings are in force. @returns what it says now and did not say before */
  useSettings(settings: NodeSettings): readonly TrustAnswer[];
}

/** Kubernetes as an authority over nodes, whatever `trust` is. */
export interface NodeAuthority {
  readonly remembered: readonly NamedNode[];
  readonly ask: TrustQuestion;
  readonly watch: NodeWatch;
}
