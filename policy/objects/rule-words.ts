/** Rules of policies in words, for people. */
import type { IpBlock } from './ip-block.js';
import type { LabelSelector, Requirement } from './label-selector.js';
import type { PodPeers, PolicyPort, PolicyRule } from './network-policy.js';

/** @param ownNamespace of the policy */
export function peersInWords({ peers }: PolicyRule, ownNamespace: string): string {
  if (peers === null) return 'everyone';
  if (peers.length === 0) return 'nobody';
  return peers
    .map((peer) => (peer.kind === 'block' ? blockInWords(peer.block) : podsInWords(peer, ownNamespace)))
    .join('; ');
}

export function portsInWords({ ports }: PolicyRule): string {
  if (ports === null) return 'all ports';
  return ports.length === 0 ? 'no port' : ports.map(portInWords).join(', ');
}

function blockInWords({ cidr, except }: IpBlock): string {
  return except.length === 0 ? cidr : `${cidr} except ${except.join(', ')}`;
}

function podsInWords({ namespaces, pods }: PodPeers, ownNamespace: string): string {
  const which = pods.requirements.length === 0 ? 'all pods' : `pods with ${selectorInWords(pods)}`;
  if (namespaces === null) return `${which} of namespace ${ownNamespace}`;
  if (namespaces.requirements.length === 0) return `${which} of all namespaces`;
  return `${which} of namespaces with ${selectorInWords(namespaces)}`;
}

/** As `kubectl get -l` takes it. */
function selectorInWords({ requirements }: LabelSelector): string {
  return requirements.map(requirementInWords).join(',');
}

function requirementInWords({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
}

function portInWords({ protocol, port }: PolicyPort): string {
  if (port === null) return `all ports of ${protocol}`;
  if ('name' in port) return `${protocol} port "${port.name}"`;
  return port.first === port.last ? `${protocol} ${port.first}` : `${protocol} ${port.first}-${port.last}`;
}
