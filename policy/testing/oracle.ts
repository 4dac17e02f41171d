/**
 * Obvious, slow evaluator of network policies, written sentence by sentence from the text of the APIs (`networking.k8s.io/v1`,
 * `policy.networking.k8s.io/v1beta1`) on the objects as the API server gives them. Shares no code with the product.
 */
import { BlockList, isIPv6 } from 'node:net';

export interface ApiSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}
export interface ApiPeer {
  podSelector?: ApiSelector;
  namespaceSelector?: ApiSelector;
  ipBlock?: { cidr: string; except?: string[] };
}
export interface ApiPort {
  protocol?: string;
  port?: number | string;
  endPort?: number;
}
export interface ApiPolicy {
  metadata: { namespace: string; name: string };
  spec: {
    podSelector: ApiSelector;
    policyTypes?: string[];
    ingress?: { from?: ApiPeer[]; ports?: ApiPort[] }[];
    egress?: { to?: ApiPeer[]; ports?: ApiPort[] }[];
  };
}
export interface ApiPod {
  metadata: { namespace: string; name: string; uid: string; labels: Record<string, string> };
  spec: {
    hostNetwork?: boolean;
    containers: { ports?: { name?: string; containerPort: number; protocol?: string }[] }[];
  };
  status: { phase: string; podIPs: { ip: string }[] };
}
export interface ApiNamespace {
  metadata: { name: string; labels: Record<string, string> };
}
export interface ApiNamespacedPods {
  namespaces?: ApiSelector;
  pods?: { namespaceSelector?: ApiSelector; podSelector: ApiSelector };
}
export interface ApiProtocol {
  tcp?: { destinationPort?: ApiPortMatch };
  udp?: { destinationPort?: ApiPortMatch };
  sctp?: { destinationPort?: ApiPortMatch };
  destinationNamedPort?: string;
}
export interface ApiPortMatch {
  number?: number;
  range?: { start: number; end: number };
}
export interface ApiTierRule {
  name?: string;
  action: 'Accept' | 'Deny' | 'Pass';
  from?: ApiNamespacedPods[];
  to?: (ApiNamespacedPods & { networks?: string[] })[];
  protocols?: ApiProtocol[];
}
export interface ApiClusterPolicy {
  metadata: { name: string };
  spec: {
    tier: 'Admin' | 'Baseline';
    priority: number;
    subject: ApiNamespacedPods;
    ingress?: ApiTierRule[];
    egress?: ApiTierRule[];
  };
}
export interface ApiObjects {
  namespaces: ApiNamespace[];
  pods: ApiPod[];
  policies: ApiPolicy[];
  clusterPolicies?: ApiClusterPolicy[];
}
export interface OracleFlow {
  source: string;
  destination: string;
  protocol: string;
  port: number;
}

export function oracleAllows(objects: ApiObjects, flow: OracleFlow): boolean {
  const source = podWith(objects, flow.source);
  const destination = podWith(objects, flow.destination);
  // "pods cannot block access to themselves"
  if (flow.source === flow.destination) return true;
  return (
    sideAllows(objects, flow, 'Egress', source, destination, destination) &&
    sideAllows(objects, flow, 'Ingress', destination, source, destination)
  );
}

/** Pods of the host's network, and those that are over, are nobody at their addresses. */
function podWith({ pods }: ApiObjects, ip: string): ApiPod | undefined {
  return pods.find(
    ({ spec, status }) =>
      spec.hostNetwork !== true &&
      !['Succeeded', 'Failed'].includes(status.phase) &&
      status.podIPs.some((one) => one.ip === ip),
  );
}

function sideAllows(
  objects: ApiObjects,
  flow: OracleFlow,
  type: 'Ingress' | 'Egress',
  own: ApiPod | undefined,
  peer: ApiPod | undefined,
  destination: ApiPod | undefined,
): boolean {
  if (own === undefined) return true;
  // Ours: what a namespace's labels decide is denied until these are known.
  const isNamespaceKnown = objects.namespaces.some(({ metadata }) => metadata.name === own.metadata.namespace);
  if (!isNamespaceKnown && (objects.clusterPolicies ?? []).length > 0) return false;
  // "If Admin tier has made a final decision (Accept or Deny) on a connection, then no further evaluation is done."
  const admin = tierSays(objects, flow, 'Admin', type, own, peer, destination);
  if (admin !== undefined) return admin === 'Accept';
  // "selects the pods to which this NetworkPolicy object applies", of its namespace
  const policies = objects.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === own.metadata.namespace &&
      typesOf(spec).includes(type) &&
      selects(spec.podSelector, own.metadata.labels),
  );
  // "If no policies select a pod, all traffic is allowed"; else "the traffic matches at least one rule" of any of them
  // "Further evaluation only happens for Pods not selected by a v1.NetworkPolicy."
  if (policies.length === 0) return tierSays(objects, flow, 'Baseline', type, own, peer, destination) !== 'Deny';
  const address = type === 'Ingress' ? flow.source : flow.destination;
  return policies.some(({ metadata, spec }) => {
    const rules =
      type === 'Ingress'
        ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    return rules.some(
      ({ peers, ports }) =>
        // "If this field is empty or missing, this rule matches all"
        (peers === undefined ||
          peers.length === 0 ||
          peers.some((one) => isPeer(objects, metadata.namespace, one, address, peer))) &&
        (ports === undefined || ports.length === 0 || ports.some((one) => isPort(one, flow, destination))),
    );
  });
}

/** What the first rule that matches says: undefined for none, or for one that passes "evaluation to the next tier". */
function tierSays(
  objects: ApiObjects,
  flow: OracleFlow,
  tier: 'Admin' | 'Baseline',
  type: 'Ingress' | 'Egress',
  own: ApiPod,
  peer: ApiPod | undefined,
  destination: ApiPod | undefined,
): 'Accept' | 'Deny' | undefined {
  // "Policies with lower priority values have higher precedence"; of equal ones "the implementation can apply any"
  const policies = [...(objects.clusterPolicies ?? [])]
    .filter(({ spec }) => spec.tier === tier && isNamespacedPod(objects, spec.subject, own))
    .sort((a, b) => a.spec.priority - b.spec.priority || (a.metadata.name < b.metadata.name ? -1 : 1));
  const address = type === 'Ingress' ? flow.source : flow.destination;
  for (const { spec } of policies) {
    for (const rule of (type === 'Ingress' ? spec.ingress : spec.egress) ?? []) {
      const peers: (ApiNamespacedPods & { networks?: string[] })[] = (type === 'Ingress' ? rule.from : rule.to) ?? [];
      const isPeerOfRule = peers.some(
        (one) =>
          one.networks?.some((cidr) => isInside(address, cidr)) ??
          (peer !== undefined && isNamespacedPod(objects, one, peer)),
      );
      const isPortOfRule = rule.protocols?.some((one) => isProtocolMatch(one, flow, destination)) ?? true;
      if (isPeerOfRule && isPortOfRule) return rule.action === 'Pass' ? undefined : rule.action;
    }
  }
  return undefined;
}

function isNamespacedPod(objects: ApiObjects, { namespaces, pods }: ApiNamespacedPods, pod: ApiPod): boolean {
  const namespace = objects.namespaces.find(({ metadata }) => metadata.name === pod.metadata.namespace);
  if (namespace === undefined) return false;
  if (namespaces !== undefined) return selects(namespaces, namespace.metadata.labels);
  return (
    selects(pods?.namespaceSelector ?? {}, namespace.metadata.labels) &&
    selects(pods?.podSelector ?? {}, pod.metadata.labels)
  );
}

function isProtocolMatch(
  { destinationNamedPort, tcp, udp, sctp }: ApiProtocol,
  flow: OracleFlow,
  destination: ApiPod | undefined,
): boolean {
  if (destinationNamedPort !== undefined) {
    return isPort({ protocol: flow.protocol, port: destinationNamedPort }, flow, destination);
  }
  const match = { TCP: tcp, UDP: udp, SCTP: sctp }[flow.protocol];
  if (match === undefined) return false;
  const { number, range } = match.destinationPort ?? { range: { start: 1, end: 65_535 } };
  return number === flow.port || (range !== undefined && flow.port >= range.start && flow.port <= range.end);
}

/** "If this field is not specified, it will default based on the existence of ingress or egress rules" */
function typesOf(spec: ApiPolicy['spec']): string[] {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) return spec.policyTypes;
  return (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function isPeer(objects: ApiObjects, own: string, peer: ApiPeer, address: string, pod: ApiPod | undefined): boolean {
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock;
    return isInside(address, cidr) && !except.some((one) => isInside(address, one));
  }
  if (pod === undefined) return false;
  const namespace = objects.namespaces.find(({ metadata }) => metadata.name === pod.metadata.namespace);
  const isNamespace =
    peer.namespaceSelector === undefined
      ? pod.metadata.namespace === own
      : namespace !== undefined && selects(peer.namespaceSelector, namespace.metadata.labels);
  return isNamespace && (peer.podSelector === undefined || selects(peer.podSelector, pod.metadata.labels));
}

/** "protocol defaults to TCP"; "port: if this field is not provided, this matches all port names and numbers" */
function isPort(port: ApiPort, flow: OracleFlow, destination: ApiPod | undefined): boolean {
  if ((port.protocol ?? 'TCP') !== flow.protocol) return false;
  if (port.port === undefined) return true;
  if (typeof port.port === 'number') return flow.port >= port.port && flow.port <= (port.endPort ?? port.port);
  const named = (destination?.spec.containers ?? []).flatMap(({ ports = [] }) => ports);
  return named.some(
    ({ name, containerPort, protocol }) =>
      name === port.port && containerPort === flow.port && (protocol ?? 'TCP') === flow.protocol,
  );
}

function selects({ matchLabels = {}, matchExpressions = [] }: ApiSelector, labels: Record<string, string>): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels[key];
    if (operator === 'In' && (value === undefined || !values.includes(value))) return false;
    if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false;
    if (operator === 'Exists' && value === undefined) return false;
    if (operator === 'DoesNotExist' && value !== undefined) return false;
  }
  return true;
}

function isInside(address: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
