/**
 * Door of `kube/`, the Kubernetes adapter: settings of this node from the cluster's API server. Not here: the port that the
 * agent has for them (`agent/settings/settings-source.ts`).
 */
export { openKubernetes } from './open-kubernetes.js';
