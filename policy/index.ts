/**
 * Door of `policy/`: the pure compiler of Kubernetes network policies to the nft table that enforces them on this node, and the
 * decision about one flow. Not here: where the objects come from (`kube/`), the kernel (`agent/policy/`).
 */
export { Cluster } from './cluster.js';
export { decide } from './decision.js';
export type { DecidingRule, Decision, Flow, SideDecision } from './decision.js';
export { asInstalled, hasPolicyTable, readCounters, readInstalled } from './nft/installed-table.js';
export type { InstalledTable } from './nft/installed-table.js';
export { logCheckCommands, removalCommands, tableCommands } from './nft/table-commands.js';
export { DROP_LOG_GROUP, POLICY_TABLE } from './nft/table-text.js';
export { parseClusterPolicy } from './objects/cluster-policy-parser.js';
export type { ClusterPolicy, TierRule } from './objects/cluster-policy.js';
export { UNREAD_CLUSTER_POLICIES } from './objects/unread-cluster-policies.js';
export { parseNetworkPolicy } from './objects/network-policy-parser.js';
export type { Direction, NetworkPolicy } from './objects/network-policy.js';
export { peersInWords, portsInWords } from './objects/rule-words.js';
export { isProtocol, parseNamespace, parsePod, podKey, podObject, PROTOCOLS } from './objects/pod.js';
export type { Namespace, Pod, Protocol } from './objects/pod.js';
export { PolicyCompiler } from './table/policy-compiler.js';
export type { LocalPod } from './table/policy-compiler.js';
export type { DropCounter, PolicyTable } from './table/table-model.js';
