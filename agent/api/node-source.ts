/**
 * Source of the API's answers about this node: mesh core, router, allocator, attached pods and host network. An answer
 * is made when the question comes; only the samples of the rates are kept.
 */
import type { Condition, Endpoint, Peer, RevokedNode, Route, Status, Target, Topology } from '../../common/api.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import type { EndpointRecord } from '../../cni/index.js';
import { podAddressCount } from '../../ipam/index.js';
import { secretIdOf } from '../../mesh/index.js';
import type {
  LostClaim,
  MemberView,
  RefusedView,
  RemoteLinkView,
  RemotePodsView,
  RevokedView,
  RouteView,
  SeedView,
  TopologyReports,
} from '../../mesh/index.js';
import type { ApiSource, PolicySource } from './api-source.js';
import { wallTimeAt } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import { evaluateConditions, isReady, verdictOf } from './conditions.js';
import type { EvaluatedCondition } from './conditions.js';
import type { HostProblem } from '../host-network/host-network.js';
import type { PodCidrs } from '../pod-cidrs.js';
import type { NodeSettings } from '../settings/node-settings.js';
import type { SettingsReport } from '../settings/settings-keeper.js';
import { readmitNode, revokeNode } from './revoked-nodes.js';
import { endpointView, peerView, routeView, winReasonText } from './views/peer-view.js';
import type { RouterHello } from '../control-plane/router-client.js';
import { ReportedCounters } from './views/reported-counters.js';
import type { CountersReport } from './views/reported-counters.js';
import { isWell, targetsView } from './views/targets-view.js';
import { TopologyView } from './views/topology-view.js';

/** The mesh core's answers to questions; none of them changes it. */
export interface MeshQueries {
  members(nowMs: number): readonly MemberView[];
  routes(): readonly RouteView[];
  remoteLinks(nowMs: number): readonly RemoteLinkView[];
  remotePods(nowMs: number): readonly RemotePodsView[];
  lostClaims(): readonly LostClaim[];
  seeds(): readonly SeedView[];
  topologyReports(nowMs: number): TopologyReports;
  refusedSources(nowMs: number): readonly RefusedView[];
  revoked(): readonly RevokedView[];
  counters(): Readonly<Record<string, number>>;
}

export interface AddressUsage {
  readonly cidr: Cidr;
  readonly total: number;
  readonly used: number;
  readonly withdrawn: boolean;
  readonly quarantined: number;
}

export interface ApiSourceDeps {
  readonly settings: () => NodeSettings;
  readonly settingsReport: () => SettingsReport;
  readonly podCidrs: PodCidrs;
  readonly id: NodeId;
  readonly publicKey: Uint8Array;
  readonly podMtuBytes: () => number;
  readonly clock: Clock;
  readonly mesh: MeshQueries;
  /** Tells the mesh core the operator's decision about a node. */
  readonly decide: (node: NodeId, isRevoked: boolean) => void;
  readonly router: () => RouterHello | null;
  readonly routerIsSilent: () => boolean;
  readonly underlayAddresses: () => readonly IpAddress[];
  /** Frames that the kernel dropped, by reason. */
  readonly kernelDrops: () => Readonly<Record<string, number>>;
  /** Sentences about tables of the kernel that are nearly full. */
  readonly fullTables: () => readonly string[];
  readonly reversePath: () => string;
  readonly underlayDrops: () => string;
  readonly hostProblems: () => readonly HostProblem[] | null;
  readonly podsReconciled: () => boolean;
  readonly stateDiskProblem: () => string | null;
  /** What an operator should know of the installed CNI configuration. */
  readonly cniNotes: () => readonly string[];
  readonly addressProblem: () => string | null;
  readonly endpoints: () => readonly EndpointRecord[];
  /** Null without Kubernetes. */
  readonly policies: {
    /** Null while the node keeps none. */
    readonly answers: PolicySource | null;
    readonly state: NonNullable<Status['networkPolicies']>;
    readonly warning: string;
  };
  readonly addressUsage: () => readonly AddressUsage[];
  /** Counters of the agent's own: requests refused, repairs, faults. */
  readonly ownCounters: () => Readonly<Record<string, number>>;
}

/** Among the core's counters, those that tell how much there is now, not how often something was refused. */
const MESH_GAUGES: readonly string[] = ['members', 'sessionSlots', 'pendingHandshakes', 'relayedPairs', 'relayedPeers'];

export class AgentApiSource implements ApiSource {
  readonly #startedAt: string;
  readonly #topology = new TopologyView();
  readonly #listeners = new Set<() => void>();
  #drops: Readonly<Record<string, number>> = {};
  readonly #counters = new ReportedCounters();

  constructor(readonly deps: ApiSourceDeps) {
    this.#startedAt = deps.clock.wallTime().toISOString();
  }

  /** The router reported its counters. */
  countersChanged(report: CountersReport): void {
    this.#drops = report.drops;
    this.#counters.take(report, this.deps.clock.nowMs());
    this.changed();
  }

  /** Something that `status` or `topology` shows may have changed. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Why this node is or is not ready, in full. */
  conditions(): EvaluatedCondition[] {
    const { deps } = this;
    const members = this.#members();
    const nameOf = this.#names();
    return evaluateConditions({
      routerConnected: deps.router() !== null,
      routerIsSilent: deps.routerIsSilent(),
      unconfined: deps.router()?.unconfined ?? [],
      engine: deps.router()?.engine ?? null,
      settings: deps.settingsReport(),
      podCidrs: deps.podCidrs.assigned,
      withdrawn: deps.addressUsage().flatMap(({ cidr, used, withdrawn }) => (withdrawn ? [{ cidr, pods: used }] : [])),
      hostProblems: deps.hostProblems(),
      policyWarning: deps.policies.warning,
      policiesAreOff: deps.policies.state === 'off',
      fullTables: deps.fullTables(),
      reversePath: deps.reversePath(),
      underlayDrops: deps.underlayDrops(),
      podsReconciled: deps.podsReconciled(),
      stateDiskProblem: deps.stateDiskProblem(),
      cniNotes: deps.cniNotes(),
      addressProblem: deps.addressProblem(),
      lostClaims: deps.mesh.lostClaims().map(({ cidr, winner, reason }) => {
        const name = nameOf(winner);
        return { cidr, winner: name, why: winReasonText(name, reason) };
      }),
      wonClaims: deps.mesh.routes().flatMap(({ cidr, owner, ownerName, conflict, conflictReason }) => {
        if (owner !== deps.id || conflict === null || conflictReason === null) return [];
        return [{ cidr, loser: nameOf(conflict), why: winReasonText(ownerName, conflictReason) }];
      }),
      seeds: deps.settings().config.seeds.length,
      peersUp: inState(members, 'up'),
      peersMissing: this.#missingPeers(members),
    });
  }

  status(): Status {
    const { deps } = this;
    const { config, nodeName, clusterCidrs, clusterSecrets } = deps.settings();
    const router = deps.router();
    const members = this.#members();
    const conditions = this.conditions();
    return {
      id: deps.id,
      name: nodeName,
      publicKey: Buffer.from(deps.publicKey).toString('base64'),
      version: HEDDLE_VERSION,
      ready: isReady(conditions),
      conditions: conditions.map(({ name, ok, message, required }): Condition => ({ name, ok, message, required })),
      startedAt: this.#startedAt,
      listen: this.#listen(),
      underlayAddresses: [...deps.underlayAddresses()],
      podCidrs: [...deps.podCidrs.served],
      clusterCidrs: [...clusterCidrs],
      podMtuBytes: deps.podMtuBytes(),
      cipher: config.cipher === 'auto' ? (router?.ciphers[0] ?? 'auto') : config.cipher,
      router: {
        connected: router !== null,
        instance: router?.instance ?? null,
        tap: router?.tapName ?? null,
        engine: router?.engine?.name ?? null,
        sealNsPerKiB: router?.engine === undefined ? null : Math.round(router.engine.sealNsPerKiB),
      },
      addresses: deps.addressUsage().map((usage) => ({ ...usage, totalExact: `${podAddressCount(usage.cidr)}` })),
      clusterSecret: { file: config.clusterSecretFile, ids: clusterSecrets.map(secretIdOf) },
      verdict: verdictOf(conditions),
      targets: this.#targets(members),
      peers: { total: members.length, up: inState(members, 'up'), idle: inState(members, 'idle') },
      relays: this.#relays(),
      revoked: this.#revoked(),
      networkPolicies: deps.policies.state,
      drops: this.#allDrops(),
    };
  }

  peers(): Peer[] {
    const wallTime = (ms: number) => wallTimeAt(this.deps.clock, ms);
    const members = this.#members();
    const causes = new Map(this.#missingPeers(members).map(({ name, cause }) => [name, cause]));
    const nameOf = this.#names();
    return members.map((member) => {
      const reason = causes.get(member.name) ?? member.reason;
      return peerView({ ...member, reason }, this.#counters.byPeer.get(member.id), wallTime, nameOf);
    });
  }

  routes(): Route[] {
    const nameOf = this.#names();
    return this.deps.mesh.routes().map((route) => routeView(route, this.deps.id, nameOf));
  }

  endpoints(): Endpoint[] {
    return this.deps.endpoints().map(endpointView);
  }

  topology(): Topology {
    const { deps } = this;
    const nowMs = deps.clock.nowMs();
    const [address] = deps.underlayAddresses();
    const { nodeName, config } = deps.settings();
    const endpoint = address === undefined ? null : formatSocketAddress({ ip: address, port: config.listenPort });
    return this.#topology.draw({
      at: deps.clock.wallTime(),
      nowMs,
      self: { id: deps.id, name: nodeName, endpoint, podCidrs: [...deps.podCidrs.served], version: HEDDLE_VERSION },
      endpoints: this.endpoints(),
      members: this.#members(),
      counters: this.#counters,
      remoteLinks: deps.mesh.remoteLinks(nowMs),
      remotePods: deps.mesh.remotePods(nowMs),
      reports: deps.mesh.topologyReports(nowMs),
    });
  }

  decide(key: string, isRevoked: boolean): RevokedNode {
    const { id, settings, decide } = this.deps;
    const peers = (): readonly Peer[] => this.peers();
    const revoked = (): readonly RevokedNode[] => this.#revoked();
    const deps = { ownId: id, ownName: settings().nodeName, peers, revoked, decide };
    return isRevoked ? revokeNode(key, deps) : readmitNode(key, deps);
  }

  #relays(): NonNullable<Status['relays']> {
    const { relayedPairs = 0, relayedPeers = 0 } = this.deps.mesh.counters();
    return { pairs: relayedPairs, peers: relayedPeers };
  }

  #revoked(): RevokedNode[] {
    return this.deps.mesh.revoked().map(({ node, name, issuer, issuerName, atMs }) => ({
      id: node,
      name: name || node,
      by: issuerName ?? issuer,
      at: new Date(atMs).toISOString(),
    }));
  }

  policies(): PolicySource | null {
    return this.deps.policies.answers;
  }

  topologyIsComplete(): boolean {
    return this.deps.mesh.topologyReports(this.deps.clock.nowMs()).complete;
  }

  counters(): Readonly<Record<string, number>> {
    return this.deps.ownCounters();
  }

  /** What the router dropped, and what the mesh core refused before it reached a session. */
  #allDrops(): Record<string, number> {
    const refusals = Object.entries(this.deps.mesh.counters()).filter(([name]) => !MESH_GAUGES.includes(name));
    return { ...this.#drops, ...this.deps.kernelDrops(), ...Object.fromEntries(refusals) };
  }

  #members(): readonly MemberView[] {
    return this.deps.mesh.members(this.deps.clock.nowMs());
  }

  /** Members without a usable link, each once. */
  #missingPeers(members: readonly MemberView[]): { name: string; cause: string }[] {
    const missing = this.#targets(members).filter(({ kind, state }) => kind !== 'other' && !isWell(state));
    const causes = new Map(missing.flatMap(({ node, cause }) => (node === null ? [] : [[node, cause] as const])));
    return Array.from(causes, ([name, cause]) => ({ name, cause }));
  }

  #targets(members: readonly MemberView[]): Target[] {
    const { mesh, clock } = this.deps;
    const wallTime = (ms: number): Date => wallTimeAt(clock, ms);
    return targetsView({ seeds: mesh.seeds(), refused: mesh.refusedSources(clock.nowMs()), members, wallTime });
  }

  /** Names of all nodes, this one included; of one that is gone, its id. */
  #names(): (id: NodeId) => string {
    const self = [this.deps.id, this.deps.settings().nodeName] as const;
    const names = new Map<NodeId, string>([self, ...this.#members().map(({ id, name }) => [id, name] as const)]);
    return (id) => names.get(id) ?? id;
  }

  #listen(): string {
    const { listenAddress, listenPort } = this.deps.settings().config;
    const address = listenAddress === '' ? '::' : listenAddress;
    return address.includes(':') ? `[${address}]:${listenPort}` : `${address}:${listenPort}`;
  }
}

function inState(members: readonly MemberView[], wanted: MemberView['state']): number {
  return members.filter(({ state }) => state === wanted).length;
}
