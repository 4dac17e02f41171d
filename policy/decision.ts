/**
 * Decision about one flow, with the policies and the rule behind it. A flow passes when both sides let it: the source's egress and
 * the destination's ingress. The tiers are asked in order (`objects/cluster-policy.ts`). A side that no NetworkPolicy isolates lets
 * everything pass that no other tier denies; an isolated one what a rule allows.
 */
import type { IpAddress } from '../common/address/ip-address.js';
import type { Cluster } from './cluster.js';
import { byPrecedence } from './objects/cluster-policy.js';
import type { ClusterPolicy, Tier } from './objects/cluster-policy.js';
import type { Direction, NetworkPolicy, PolicyPort, PolicyRule } from './objects/network-policy.js';
import type { Pod, Protocol } from './objects/pod.js';

export interface Flow {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

export interface DecidingRule {
  readonly policy: NetworkPolicy | ClusterPolicy;
  readonly index: number;
}

export interface SideDecision {
  readonly direction: Direction;
  readonly allowed: boolean;
  /** Policies that isolate the pod in this direction. */
  readonly isolatedBy: readonly NetworkPolicy[];
  /** The first rule that allows the flow, or denies it; null when there is none or none is needed. */
  readonly rule: DecidingRule | null;
}

export interface Decision {
  readonly allowed: boolean;
  readonly egress: SideDecision;
  readonly ingress: SideDecision;
}

/**
 * For traffic that a node forwards. What a node itself exchanges with its pods is always allowed.
 * @param podsAt who has an address, where more is known than the cluster's objects say
 */
export function decide(
  cluster: Cluster,
  flow: Flow,
  podsAt = (ip: IpAddress): readonly Pod[] => cluster.podsAt(ip),
): Decision {
  const sources = podsAt(flow.source);
  const destinations = podsAt(flow.destination);
  const egress = decideSide(cluster, flow, 'egress', sources, destinations, destinations);
  const ingress = decideSide(cluster, flow, 'ingress', destinations, sources, destinations);
  return { allowed: egress.allowed && ingress.allowed, egress, ingress };
}

function decideSide(
  cluster: Cluster,
  flow: Flow,
  direction: Direction,
  own: readonly Pod[],
  peers: readonly Pod[],
  destinations: readonly Pod[],
): SideDecision {
  const isolatedBy = own.flatMap((pod) => cluster.isolating(pod, direction));
  if (flow.source === flow.destination) return { direction, allowed: true, isolatedBy, rule: null };
  if (!own.every((pod) => cluster.isDecidable(pod))) return { direction, allowed: false, isolatedBy, rule: null };
  const peer = direction === 'ingress' ? flow.source : flow.destination;
  const matches = ({ ports, peers: selected }: PolicyRule, namespace: string): boolean =>
    allowsPort(ports, flow, destinations) &&
    (selected?.some((one) => cluster.isPeerAddress(one, namespace, peer, peers)) ?? true);
  const inTier = (tier: Tier): SideDecision | null => {
    const policies = [...new Set(own.flatMap((pod) => cluster.inTier(tier, pod, direction)))].sort(byPrecedence);
    for (const policy of policies) {
      const index = policy[direction].findIndex((rule) => matches(rule, ''));
      const action = policy[direction][index]?.action;
      if (action === 'Pass') return null;
      if (action !== undefined) return { direction, allowed: action === 'Accept', isolatedBy, rule: { policy, index } };
    }
    return null;
  };
  const isolated = (): SideDecision => {
    for (const policy of isolatedBy) {
      const index = policy[direction]!.findIndex((rule) => matches(rule, policy.namespace));
      if (index >= 0) return { direction, allowed: true, isolatedBy, rule: { policy, index } };
    }
    return { direction, allowed: false, isolatedBy, rule: null };
  };
  const ofAdmin = inTier('Admin');
  if (ofAdmin !== null) return ofAdmin;
  if (isolatedBy.length > 0) return isolated();
  return inTier('Baseline') ?? { direction, allowed: true, isolatedBy, rule: null };
}

function allowsPort(ports: PolicyRule['ports'], flow: Flow, destinations: readonly Pod[]): boolean {
  return ports?.some((port) => portMatches(port, flow, destinations)) ?? true;
}

/** A name is looked up in the destination pod. */
function portMatches({ protocol, port }: PolicyPort, flow: Flow, destinations: readonly Pod[]): boolean {
  if (protocol !== flow.protocol) return false;
  if (port === null) return true;
  if ('first' in port) return port.first <= flow.port && flow.port <= port.last;
  return destinations.some(({ ports }) =>
    ports.some((named) => named.name === port.name && named.protocol === protocol && named.port === flow.port),
  );
}
