/** Trust in all that have the cluster secret. Kubernetes, where there is one, is asked about claims outside the cluster CIDRs. */
import type { NodeAuthority, TrustSource } from './trust-source.js';

export function secretTrust(kubernetes: NodeAuthority | null): TrustSource {
  return {
    isRequired: false,
    remembered: kubernetes?.remembered ?? [],
    ask: (...question) => kubernetes?.ask(...question) ?? Promise.resolve(undefined),
    watch: null,
    useSettings: () => [],
  };
}
