/**
 * Compiler of the policies of the cluster to the table of this node. It keeps which pods each set of the table holds, so that one
 * pod's change costs a look at each set; chains are put together anew from the rules of the policies, which are compiled once.
 */
import { IP_FAMILIES, ipFamily } from '../../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import { isInNetwork } from '../cluster.js';
import type { Cluster } from '../cluster.js';
import type { ClusterPolicy, Tier } from '../objects/cluster-policy.js';
import type { Direction, NetworkPolicy } from '../objects/network-policy.js';
import { podKey } from '../objects/pod.js';
import type { Namespace, Pod } from '../objects/pod.js';
import { PodSelection } from './pod-selection.js';
import { hashedName, rulesOfClusterPolicy, rulesOfPolicy } from './policy-rules.js';
import type { NamedPortPods, PeerPods, PolicyRules, SetSource } from './policy-rules.js';
import { ADDRESS_TYPE, BEFORE, SELF_SETS } from './table-model.js';
import type { DropCounter, PolicyTable, TableChain, TableRule, TableSet, VerdictMap } from './table-model.js';

/** A pod as the runtime names it. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  /** Null: of a runtime that does not tell. A pod of the same name with another one is another pod. */
  readonly uid: string | null;
}

/** Interface of a pod of this node. */
export interface LocalPod {
  /** Null: the runtime did not tell; it is the pod that has the first address, if there is one. */
  readonly pod: PodIdentity | null;
  readonly ips: readonly IpAddress[];
  /** What decides about it may not be known yet: everything is denied. */
  readonly isHeld?: boolean;
}

type Policy = NetworkPolicy | ClusterPolicy;

const DIRECTIONS: readonly Direction[] = ['egress', 'ingress'];
/** In place of a rule. */
const NO_CONNECTION = 'packets of no connection';

export class PolicyCompiler {
  /** By key of their set. Those that no rule needs any more are removed by {@link compile}. */
  readonly #selections = new Map<string, PodSelection>();
  /** Rules by direction and family, until the policy is replaced. */
  readonly #rules = new WeakMap<Policy, Map<string, PolicyRules>>();
  #local: readonly LocalPod[] = [];
  /** Addresses of local pods by key, which the API server hears of later. */
  #localIps: ReadonlyMap<string, readonly IpAddress[]> = new Map();

  constructor(readonly cluster: Cluster) {}

  putPod(pod: Pod): void {
    this.cluster.putPod(pod);
    this.#select(pod);
  }

  removePod(namespace: string, name: string): void {
    this.cluster.removePod(namespace, name);
    for (const selection of this.#selections.values()) selection.remove(podKey({ namespace, name }));
  }

  putNamespace(namespace: Namespace): void {
    this.cluster.putNamespace(namespace);
    for (const pod of this.cluster.podsIn(namespace.name)) this.#select(pod);
  }

  removeNamespace(name: string): void {
    this.cluster.removeNamespace(name);
    for (const pod of this.cluster.podsIn(name)) this.#select(pod);
  }

  putPolicy(policy: NetworkPolicy): void {
    this.cluster.putPolicy(policy);
  }

  removePolicy(namespace: string, name: string): void {
    this.cluster.removePolicy(namespace, name);
  }

  putClusterPolicy(policy: ClusterPolicy): void {
    this.cluster.putClusterPolicy(policy);
  }

  removeClusterPolicy(name: string): void {
    this.cluster.removeClusterPolicy(name);
  }

  /** All pods of this node. */
  setLocalPods(pods: readonly LocalPod[]): void {
    const before = this.#localIps;
    const ips = new Map<string, readonly IpAddress[]>();
    for (const { pod, ips: own } of pods) {
      if (pod !== null) ips.set(podKey(pod), [...(ips.get(podKey(pod)) ?? []), ...own]);
    }
    this.#local = pods;
    this.#localIps = ips;
    for (const key of new Set([...before.keys(), ...ips.keys()])) {
      if (before.get(key)?.join() === ips.get(key)?.join()) continue;
      const [namespace = '', name = ''] = key.split('/');
      const pod = this.cluster.pod(namespace, name);
      if (pod !== null) this.#select(pod);
    }
  }

  /** Whether the API server has told of the pod, and of what decides about it. */
  knows({ pod }: LocalPod): boolean {
    if (pod === null) return true;
    const known = this.#known(pod);
    return known !== null && this.cluster.isDecidable(known);
  }

  /** Addresses of a pod, also those that only this node knows of yet. */
  ipsOf(pod: Pod): readonly IpAddress[] {
    return this.#withLocalIps(pod).ips;
  }

  /** As of the cluster, with pods of this node that the API server does not know the address of yet. */
  podsAt(ip: IpAddress): readonly Pod[] {
    const local = this.#local.filter(({ ips }) => ips.includes(ip)).map(({ pod }) => pod && this.#known(pod));
    return [...new Set([...this.cluster.podsAt(ip), ...local.filter((pod) => pod !== null)])];
  }

  /**
   * The table in full; its parts are the same objects as before where nothing changed.
   * @param logsDrops whether this kernel can send dropped packets to the agent
   * @param isComplete whether the cluster's objects are all here; else everything of the local pods is denied
   */
  compile(logsDrops = true, isComplete = true): PolicyTable {
    const build = new TableBuild(logsDrops);
    for (const { pod: owner, ips, isHeld = false } of this.#local) {
      const found = owner === null ? (this.cluster.podsAt(ips[0]!)[0] ?? null) : this.#known(owner);
      if (owner === null && found === null) continue;
      const isDecidable = found !== null && isComplete && !isHeld && this.cluster.isDecidable(found);
      const pod = isDecidable ? found : null;
      for (const direction of DIRECTIONS) this.#addPod(build, pod, ips, direction);
    }
    for (const source of build.sources.values()) build.sets.set(source.name, this.#setOf(source));
    const keys = new Set([...build.sources.values()].map(({ key }) => key));
    for (const key of this.#selections.keys()) if (!keys.has(key)) this.#selections.delete(key);
    return build.table();
  }

  /** Null while the API server has not told of it. */
  #known({ namespace, name, uid }: PodIdentity): Pod | null {
    const pod = this.cluster.pod(namespace, name);
    return pod === null || uid === null || pod.uids.includes(uid) ? pod : null;
  }

  #addPod(build: TableBuild, pod: Pod | null, ips: readonly IpAddress[], direction: Direction): void {
    const isolating = pod === null ? [] : this.cluster.isolating(pod, direction);
    const inTier = (tier: Tier) => (pod === null ? [] : this.cluster.inTier(tier, pod, direction));
    const admin = inTier('Admin');
    const isIsolated = pod === null || isolating.length > 0;
    const baseline = isIsolated ? [] : inTier('Baseline');
    if (!isIsolated && admin.length + baseline.length === 0) return;
    for (const family of IP_FAMILIES) {
      const own = ips.filter((ip) => ipFamily(ip) === family);
      if (own.length === 0) continue;
      const rulesOf = (policies: readonly Policy[]) =>
        policies.map((policy) => this.#rulesOf(policy, direction, family));
      const place = { direction, family };
      const below = isIsolated
        ? build.isolating(place, rulesOf(isolating), isolating.map(podKey))
        : build.tier(place, rulesOf(baseline), null);
      build.apply(own, place, build.tier(place, rulesOf(admin), below));
    }
  }

  #rulesOf(policy: Policy, direction: Direction, family: IpFamily): PolicyRules {
    const compiled = this.#rules.get(policy) ?? new Map<string, PolicyRules>();
    this.#rules.set(policy, compiled);
    const key = `${direction}${family}`;
    const compile = (): PolicyRules =>
      'tier' in policy ? rulesOfClusterPolicy(policy, direction, family) : rulesOfPolicy(policy, direction, family);
    const rules = compiled.get(key) ?? compile();
    compiled.set(key, rules);
    return rules;
  }

  #setOf({ key, family, type, content }: SetSource): TableSet {
    if (content.kind === 'fixed') return { type, isInterval: content.isInterval, elements: content.elements };
    return { type, isInterval: false, elements: this.#selectionOf(key, content).elements(family) };
  }

  #selectionOf(key: string, content: PeerPods | NamedPortPods): PodSelection {
    const present = this.#selections.get(key);
    if (present !== undefined) return present;
    const selection = new PodSelection((pod) => this.#elementsOf(content, pod));
    for (const pod of this.cluster.pods()) selection.put(this.#withLocalIps(pod));
    this.#selections.set(key, selection);
    return selection;
  }

  #elementsOf(content: PeerPods | NamedPortPods, pod: Pod): readonly string[] {
    if (content.kind === 'peers') {
      return content.peers.some((peer) => this.cluster.isPeer(peer, content.namespace, pod)) ? pod.ips : [];
    }
    if (!isInNetwork(pod)) return [];
    const ports = pod.ports.filter(({ name, protocol }) => name === content.name && protocol === content.protocol);
    return pod.ips.flatMap((ip) => ports.map(({ port }) => `${ip} . ${port}`));
  }

  #select(pod: Pod): void {
    const known = this.#withLocalIps(pod);
    for (const selection of this.#selections.values()) selection.put(known);
  }

  #withLocalIps(pod: Pod): Pod {
    const ips = this.#localIps.get(podKey(pod));
    return ips === undefined ? pod : { ...pod, ips: [...new Set([...ips, ...pod.ips])] };
  }
}

/** A direction of the pods of one family. */
type Place = Pick<TableChain, 'direction' | 'family'>;

/** The table while it is put together. */
class TableBuild {
  readonly sources = new Map<string, SetSource>();
  readonly sets = new Map<string, TableSet>();
  readonly #chains = new Map<string, TableChain>();
  readonly #verdicts: Record<VerdictMap, Map<IpAddress, string>> = {
    egress4: new Map(),
    egress6: new Map(),
    ingress4: new Map(),
    ingress6: new Map(),
  };
  readonly #counters = new Map<string, DropCounter>();
  readonly #self: Record<IpFamily, Set<string>> = { 4: new Set(), 6: new Set() };

  constructor(readonly logsDrops: boolean) {}

  /**
   * Chain of the policies that isolate a pod; null when they allow everything.
   * @param names of the policies; none: everything is dropped, as nothing is known of the pod yet
   */
  isolating(place: Place, parts: readonly PolicyRules[], names: readonly string[]): string | null {
    const rules = distinct(parts.flatMap((part) => part.rules));
    if (rules.some(({ peers, ports }) => peers === null && ports === null)) return null;
    const counter = this.#count(place.direction, names, null);
    return this.#add(place, parts, { ...place, rules, next: null, invalid: null, counter });
  }

  /** Chain of cluster-wide policies before another one, or that one where there are none. */
  tier(place: Place, parts: readonly PolicyRules[], next: string | null): string | null {
    const rules = parts.flatMap((part) => part.rules);
    if (rules.length === 0) return next;
    const denying = new Set(
      parts.flatMap(({ counters }) => [...counters.values()].flatMap(({ policies }) => policies)),
    );
    const invalid = denying.size === 0 ? null : this.#count(place.direction, [...denying], NO_CONNECTION);
    return this.#add(place, parts, { ...place, rules, next, invalid, counter: null });
  }

  /** The pod at these addresses has this chain; null: none, everything is allowed. */
  apply(ips: readonly IpAddress[], { direction, family }: Place, chain: string | null): void {
    if (chain === null) return;
    for (const ip of ips) {
      this.#verdicts[`${direction}${family}`].set(ip, chain);
      this.#self[family].add(`${ip} . ${ip}`);
    }
  }

  #count(direction: Direction, policies: readonly string[], rule: string | null): string {
    const name = hashedName(`${direction}-drops`, [policies, rule]);
    this.#counters.set(name, { direction, policies, rule });
    return name;
  }

  #add({ direction, family }: Place, parts: readonly PolicyRules[], chain: TableChain): string {
    for (const { sets, counters } of parts) {
      for (const set of sets) this.sources.set(set.name, set);
      for (const [name, counter] of counters) this.#counters.set(name, counter);
    }
    const name = hashedName(`${chain.next === null ? '' : BEFORE}${direction}${family}`, chain);
    this.#chains.set(name, chain);
    return name;
  }

  table(): PolicyTable {
    for (const family of IP_FAMILIES) {
      const type = [ADDRESS_TYPE[family], ADDRESS_TYPE[family]];
      this.sets.set(SELF_SETS[family], { type, isInterval: false, elements: this.#self[family] });
    }
    const { sets, logsDrops } = this;
    return { sets, chains: this.#chains, verdicts: this.#verdicts, counters: this.#counters, logsDrops };
  }
}

function distinct(rules: readonly TableRule[]): TableRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
