/** Pods, namespaces and policies of the cluster as last heard from the API server, and which policies isolate a pod. */
import type { IpAddress } from '../common/address/ip-address.js';
import { byPrecedence } from './objects/cluster-policy.js';
import type { ClusterPolicy, Tier } from './objects/cluster-policy.js';
import { blockContains } from './objects/ip-block.js';
import { selectorMatches } from './objects/label-selector.js';
import type { Labels } from './objects/label-selector.js';
import type { Direction, NetworkPolicy, PodPeers, PolicyPeer } from './objects/network-policy.js';
import type { Namespace, Pod } from './objects/pod.js';

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/** UNBOUNDED: holds what the API server holds, which bounds it by the memory of etcd. */
export class Cluster {
  readonly #pods = new Map<string, Map<string, Pod>>();
  readonly #podsByIp = new Map<IpAddress, readonly Pod[]>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #policies = new Map<string, Map<string, NetworkPolicy>>();
  readonly #clusterPolicies = new Map<string, ClusterPolicy>();

  putPod(pod: Pod): void {
    this.removePod(pod.namespace, pod.name);
    put(this.#pods, pod);
    if (!isInNetwork(pod)) return;
    for (const ip of new Set(pod.ips)) this.#podsByIp.set(ip, [...this.podsAt(ip), pod]);
  }

  removePod(namespace: string, name: string): void {
    const pod = this.pod(namespace, name);
    for (const ip of pod?.ips ?? []) {
      const others = this.podsAt(ip).filter((one) => one !== pod);
      if (others.length > 0) this.#podsByIp.set(ip, others);
      else this.#podsByIp.delete(ip);
    }
    remove(this.#pods, namespace, name);
  }

  putNamespace({ name, labels }: Namespace): void {
    this.#namespaces.set(name, labels);
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
  }

  putPolicy(policy: NetworkPolicy): void {
    put(this.#policies, policy);
  }

  removePolicy(namespace: string, name: string): void {
    remove(this.#policies, namespace, name);
  }

  *namespaces(): Generator<Namespace> {
    for (const [name, labels] of this.#namespaces) yield { name, labels };
  }

  pod(namespace: string, name: string): Pod | null {
    return this.#pods.get(namespace)?.get(name) ?? null;
  }

  *pods(): Generator<Pod> {
    for (const pods of this.#pods.values()) yield* pods.values();
  }

  podsIn(namespace: string): Iterable<Pod> {
    return (this.#pods.get(namespace) ?? NONE).values();
  }

  /** Pods that have the address; more than one only until the end of the former one is heard of. */
  podsAt(ip: IpAddress): readonly Pod[] {
    return this.#podsByIp.get(ip) ?? [];
  }

  putClusterPolicy(policy: ClusterPolicy): void {
    this.#clusterPolicies.set(policy.name, policy);
  }

  removeClusterPolicy(name: string): void {
    this.#clusterPolicies.delete(name);
  }

  clusterPolicies(): Iterable<ClusterPolicy> {
    return this.#clusterPolicies.values();
  }

  /** Whether enough is known of the pod to decide about it: cluster-wide policies select by the labels of its namespace. */
  isDecidable({ namespace }: Pod): boolean {
    return this.#namespaces.has(namespace) || this.#clusterPolicies.size === 0;
  }

  /** Those of a tier that have rules for the pod in this direction, in the order of their precedence. */
  inTier(tier: Tier, pod: Pod, direction: Direction): ClusterPolicy[] {
    return [...this.#clusterPolicies.values()]
      .filter((policy) => policy.tier === tier && policy[direction].length > 0 && this.isPeer(policy.subject, '', pod))
      .sort(byPrecedence);
  }

  *policies(): Generator<NetworkPolicy> {
    for (const policies of this.#policies.values()) yield* policies.values();
  }

  /** The policies that isolate the pod in this direction, by name. */
  isolating(pod: Pod, direction: Direction): NetworkPolicy[] {
    if (!isInNetwork(pod)) return [];
    const policies = [...(this.#policies.get(pod.namespace) ?? NONE).values()];
    return policies
      .filter((policy) => policy[direction] !== null && selectorMatches(policy.pods, pod.labels))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A pod of a namespace that is not known yet is in no namespace that a selector by labels selects. */
  isPeer({ namespaces, pods }: PodPeers, ownNamespace: string, pod: Pod): boolean {
    if (!isInNetwork(pod) || !selectorMatches(pods, pod.labels)) return false;
    if (namespaces === null) return pod.namespace === ownNamespace;
    const labels = this.#namespaces.get(pod.namespace);
    return labels !== undefined && selectorMatches(namespaces, labels);
  }

  isPeerAddress(peer: PolicyPeer, ownNamespace: string, ip: IpAddress, pods: readonly Pod[]): boolean {
    if (peer.kind === 'block') return blockContains(peer.block, ip);
    return pods.some((pod) => this.isPeer(peer, ownNamespace, pod));
  }
}

/** Whether its addresses are its own. */
export function isInNetwork({ hostNetwork, isOver }: Pod): boolean {
  return !hostNetwork && !isOver;
}

function put<T extends { readonly namespace: string; readonly name: string }>(
  all: Map<string, Map<string, T>>,
  object: T,
): void {
  const before = all.get(object.namespace);
  if (before === undefined) all.set(object.namespace, new Map([[object.name, object]]));
  else before.set(object.name, object);
}

function remove<T>(all: Map<string, Map<string, T>>, namespace: string, name: string): void {
  const objects = all.get(namespace);
  objects?.delete(name);
  if (objects?.size === 0) all.delete(namespace);
}
