/**
 * Stand-in for cluster-wide policies that exist and cannot be read: a Baseline rule for every pod that denies everything. So a pod
 * has what its NetworkPolicies allow, and a pod that none of them isolates has nothing.
 */
import { EVERY_POD } from './cluster-policy.js';
import type { ClusterPolicy, TierRule } from './cluster-policy.js';

const DENY: TierRule = { action: 'Deny', name: '', peers: null, ports: null };

export const UNREAD_CLUSTER_POLICIES: ClusterPolicy = {
  // No object of the API server has a name with spaces.
  name: 'cluster network policies that cannot be read',
  tier: 'Baseline',
  priority: 1000,
  subject: EVERY_POD,
  ingress: [DENY],
  egress: [DENY],
  written: null,
  problems: [],
};
