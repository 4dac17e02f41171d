/**
 * Door of `kube/`, the Kubernetes adapter: settings of this node from the cluster's API server, and the node's readiness told
 * to it. Not here: the ports that the agent has for them (`agent/settings/settings-source.ts`, `agent/orchestrator.ts`).
 */
export { openKubernetes } from './open-kubernetes.js';
export type { Kubernetes } from './open-kubernetes.js';
