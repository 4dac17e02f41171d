/** Trust in the nodes that Kubernetes names: those whose key stands on the Node object of their name. */
import type { NodeAuthority, TrustSource } from './trust-source.js';

export function kubernetesTrust(authority: NodeAuthority): TrustSource {
  return {
    isRequired: true,
    remembered: authority.remembered,
    ask: (...question) => authority.ask(...question),
    watch: (onChange) => authority.watch(onChange),
    useSettings: () => [],
  };
}
