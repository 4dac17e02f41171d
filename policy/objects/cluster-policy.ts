/**
 * ClusterNetworkPolicy (`policy.networking.k8s.io`) as it was read: ordered rules for pods of any namespace, in a tier before the
 * NetworkPolicies or in one for pods that none of them isolates.
 *
 * ```
 *  Admin rules by priority --no match, Pass--> NetworkPolicies, if any isolates the pod: allowed by a rule, or denied
 *      Accept, Deny: decided                `--> else Baseline rules by priority --no match, Pass--> allowed
 * ```
 */
import type { PodPeers, PolicyPeer, PolicyPort } from './network-policy.js';

export type Tier = 'Admin' | 'Baseline';
export type RuleAction = 'Accept' | 'Deny' | 'Pass';

export interface TierRule {
  readonly action: RuleAction;
  /** Empty: without a name. */
  readonly name: string;
  /** Null: everyone. Empty: nobody. */
  readonly peers: readonly PolicyPeer[] | null;
  /** Null: everything. */
  readonly ports: readonly PolicyPort[] | null;
}

export interface ClusterPolicy {
  readonly name: string;
  readonly tier: Tier;
  /** From 0 to 1000, the lower the earlier. */
  readonly priority: number;
  readonly subject: PodPeers;
  readonly ingress: readonly TierRule[];
  readonly egress: readonly TierRule[];
  /** Of the object, what was read: as the API server gives it. */
  readonly written: unknown;
  /** Parts that could not be read, in words. Accept rules with one match nothing, Deny and Pass rules deny everything. */
  readonly problems: readonly string[];
}

/** Of every namespace that is known. */
export const EVERY_POD: PodPeers = { kind: 'pods', namespaces: { requirements: [] }, pods: { requirements: [] } };

/** The order in which rules are looked at; of equal priority, by name. */
export function byPrecedence(a: ClusterPolicy, b: ClusterPolicy): number {
  return a.priority - b.priority || (a.name < b.name ? -1 : 1);
}
