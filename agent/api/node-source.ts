/**
 * What the API says about this node, drawn from the parts that know: mesh core, router, allocator, attached pods, host
 * network. Answers are made when asked for; nothing is cached but what rates need.
 */
import type { Condition, Endpoint, Peer, Route, Status, Topology } from '../../common/api.js';
import type { Config } from '../../common/config.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, RouterEvent } from '../../common/router-port.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import type { LostClaim, MemberView, RemoteLinkView, RemotePodsView, RouteView } from '../../mesh/index.js';
import type { ApiSource } from './api-source.js';
import { wallTimeAt } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import { isReady, judge } from './conditions.js';
import type { JudgedCondition } from './conditions.js';
import type { HostProblem } from '../host-network/host-network.js';
import { peerView, routeView } from './views/peer-view.js';
import type { RouterHello } from '../control-plane/router-client.js';
import { TopologyView } from './views/topology-view.js';

/** The mesh core's answers to questions; none of them changes it. */
export interface MeshQueries {
  members(nowMs: number): readonly MemberView[];
  routes(): readonly RouteView[];
  remoteLinks(nowMs: number): readonly RemoteLinkView[];
  remotePods(nowMs: number): readonly RemotePodsView[];
  lostClaims(): readonly LostClaim[];
  counters(): Readonly<Record<string, number>>;
}

export interface AddressUsage {
  readonly cidr: string;
  readonly total: number;
  readonly used: number;
  readonly quarantined: number;
}

export interface ApiSourceParts {
  readonly config: Config;
  readonly id: NodeId;
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly podMtuBytes: number;
  readonly podCidrs: readonly Cidr[];
  readonly clusterCidrs: readonly Cidr[];
  readonly clock: Clock;
  readonly mesh: MeshQueries;
  readonly router: () => RouterHello | null;
  readonly underlayAddresses: () => readonly IpAddress[];
  readonly hostProblems: () => readonly HostProblem[] | null;
  readonly podsReconciled: () => boolean;
  readonly endpoints: () => readonly Endpoint[];
  readonly addressUsage: () => readonly AddressUsage[];
  /** Counters of the agent's own: requests refused, repairs, faults. */
  readonly ownCounters: () => Readonly<Record<string, number>>;
}

/** Among the core's counters, those that tell how much there is now, not how often something was refused. */
const MESH_GAUGES: readonly string[] = ['members', 'sessionSlots', 'pendingHandshakes'];

type CountersReport = Extract<RouterEvent, { type: 'counters' }>;

export class AgentApiSource implements ApiSource {
  readonly #startedAt: string;
  readonly #topology = new TopologyView();
  readonly #listeners = new Set<() => void>();
  #drops: Readonly<Record<string, number>> = {};
  /** Bounded by the router's own table of peers. */
  #counters: ReadonlyMap<NodeId, PeerCounters> = new Map();

  constructor(readonly parts: ApiSourceParts) {
    this.#startedAt = parts.clock.wallTime().toISOString();
  }

  /** The router's counters, once a second. */
  countersChanged(report: CountersReport): void {
    this.#drops = report.drops;
    this.#counters = new Map(report.peers.map((counters) => [counters.peer, counters]));
    this.#topology.countersChanged(report.peers, this.parts.clock.nowMs());
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
  conditions(): JudgedCondition[] {
    const { parts } = this;
    const names = new Map(this.#members().map(({ id, name }) => [id, name]));
    return judge({
      routerConnected: parts.router() !== null,
      podCidrs: parts.podCidrs,
      hostProblems: parts.hostProblems(),
      podsReconciled: parts.podsReconciled(),
      lostClaims: parts.mesh.lostClaims().map(({ cidr, winner }) => ({ cidr, winner: names.get(winner) ?? winner })),
      seeds: parts.config.seeds.length,
      peersUp: this.#members().filter(({ state }) => state === 'up').length,
    });
  }

  status(): Status {
    const { parts } = this;
    const { config } = parts;
    const router = parts.router();
    const members = this.#members();
    const conditions = this.conditions();
    return {
      id: parts.id,
      name: parts.name,
      publicKey: Buffer.from(parts.publicKey).toString('base64'),
      version: HEDDLE_VERSION,
      ready: isReady(conditions),
      conditions: conditions.map(({ name, ok, message }): Condition => ({ name, ok, message })),
      startedAt: this.#startedAt,
      listen: this.#listen(),
      underlayAddresses: [...parts.underlayAddresses()],
      podCidrs: [...parts.podCidrs],
      clusterCidrs: [...parts.clusterCidrs],
      podMtuBytes: parts.podMtuBytes,
      cipher: config.cipher === 'auto' ? (router?.ciphers[0] ?? 'auto') : config.cipher,
      router: { connected: router !== null, instance: router?.instance ?? null, tap: router?.tapName ?? null },
      addresses: parts.addressUsage().map((usage) => ({ ...usage })),
      peers: { total: members.length, up: members.filter(({ state }) => state === 'up').length },
      drops: this.#allDrops(),
    };
  }

  peers(): Peer[] {
    const wallTime = (ms: number) => wallTimeAt(this.parts.clock, ms);
    return this.#members().map((member) => peerView(member, this.#counters.get(member.id), wallTime));
  }

  routes(): Route[] {
    const names = new Map(this.#members().map(({ id, name }) => [id, name]));
    return this.parts.mesh.routes().map((route) => routeView(route, this.parts.id, (id) => names.get(id) ?? id));
  }

  endpoints(): Endpoint[] {
    return this.parts.endpoints().map((endpoint) => ({ ...endpoint, ips: [...endpoint.ips] }));
  }

  topology(): Topology {
    const { parts } = this;
    const nowMs = parts.clock.nowMs();
    const [address] = parts.underlayAddresses();
    const endpoint = address === undefined ? null : formatSocketAddress({ ip: address, port: parts.config.listenPort });
    return this.#topology.draw({
      at: parts.clock.wallTime(),
      nowMs,
      self: { id: parts.id, name: parts.name, endpoint, podCidrs: [...parts.podCidrs], version: HEDDLE_VERSION },
      endpoints: this.endpoints(),
      members: this.#members(),
      counters: this.#counters,
      remoteLinks: parts.mesh.remoteLinks(nowMs),
      remotePods: parts.mesh.remotePods(nowMs),
    });
  }

  counters(): Readonly<Record<string, number>> {
    return this.parts.ownCounters();
  }

  /** What the router dropped, and what the mesh core refused before it reached a session. */
  #allDrops(): Record<string, number> {
    const refusals = Object.entries(this.parts.mesh.counters()).filter(([name]) => !MESH_GAUGES.includes(name));
    return { ...this.#drops, ...Object.fromEntries(refusals) };
  }

  #members(): readonly MemberView[] {
    return this.parts.mesh.members(this.parts.clock.nowMs());
  }

  #listen(): string {
    const { listenAddress, listenPort } = this.parts.config;
    const address = listenAddress === '' ? '::' : listenAddress;
    return address.includes(':') ? `[${address}]:${listenPort}` : `${address}:${listenPort}`;
  }
}
