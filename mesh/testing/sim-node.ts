/**
 * Node of a simulated network: a mesh core with its fake router. It can die, lose its agent or its router, stand still, move
 * to another address, and have a clock that jumps.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import { Mesh } from '../mesh.js';
import type { KeptStamps, MemberView, MeshEffect, MeshEvent, SelfDescription } from '../mesh-io.js';
import type { MeshOptions } from '../mesh-parts.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import type { SimEvent } from './event-queue.js';
import { FakeRouter } from './fake-router.js';
import { NodeTick } from './node-tick.js';
import type { Packet, SimFrame } from './packet.js';
import { FREE } from './node-costs.js';
import type { NodeCosts } from './node-costs.js';
import { CommandWork, Handling, Reception } from './node-work.js';
import type { HandlingDeps } from './node-work.js';
import { SeededRandom } from './seeded-random.js';
import type { SimHost } from './sim-paths.js';
import { SimProcessor } from './sim-processor.js';
import type { ProcessorClock } from './sim-processor.js';

export const CLUSTER_CIDRS = [parseCidr('10.32.0.0/11'), parseCidr('fd00::/16')];
export const SECRET = new Uint8Array(32).fill(7);
const PORT = 6785;
const COUNTERS_MS = 1000;
const AUTHORITY_MS = 20;
/** Between two pushes of the forwarding tables to the router, as in the agent. */
const TABLES_INTERVAL_MS = 100;
/** Events that wait for the agent, as in the router; further ones are lost. */
const MAX_PENDING_EVENTS = 1024;
/** Packets of 200 bytes in a socket buffer of 4 MiB, with what the kernel adds; further ones are lost. */
const MAX_PENDING_PACKETS = 5000;
/** 2026-01-01, so that revisions have the size of real ones. */
export const WALL_CLOCK_MS = Date.UTC(2026, 0, 1);

export type SimNodeOptions = Partial<
  Pick<MeshOptions, 'clusterSecrets' | 'clusterCidrs' | 'identity' | 'underlay' | 'cipherPreference' | 'needsAuthority'>
> & {
  /** By the address when it is left out. */
  readonly name?: string;
  /** What the authority says of a node that is asked about; no answer while it is away. */
  readonly authority?: (node: NodeId, name: string) => readonly Cidr[] | null | 'away';
  /** What the node's work costs its processor; nothing without it. */
  readonly costs?: NodeCosts;
  /** Share of a core that each of its two processes has. */
  readonly cpuShare?: number;
  /** The agent handles what falls due within this time of a tick with the next one. */
  readonly tickIntervalMs?: number;
};

/** The network as a node sees it. */
export interface SimWorld extends ProcessorClock {
  place(node: SimNode, address: SocketAddress, left: SocketAddress | null): void;
  send(from: SimNode, to: SocketAddress, packet: Packet, sizeBytes: number): void;
  happen(event: SimEvent): void;
}

export class SimNode implements SimHost {
  readonly identity: NodeIdentity;
  readonly podCidrs: Cidr[];
  mesh: Mesh | null = null;
  router: FakeRouter | null = null;
  cachedAdverts: Uint8Array[] = [];
  cachedStamps: KeptStamps = { own: 0, accepted: [], firstHeard: [] };
  /** Names of the nodes that the authority was asked about. */
  readonly asked: string[] = [];
  /** Whether the core wants this node to watch the authority. */
  isWatching = false;
  readonly notices: Extract<MeshEffect, { type: 'notice' }>[] = [];
  /** Whether its router is of a version that knows relays. */
  knowsRelays = true;
  /** Whether it keeps early datagrams. */
  keepsEarly = true;
  /** While true, nothing reaches the core: the process stands still. */
  isPaused = false;
  readonly number: number;
  /** Processors of its agent and its router. */
  agentCpu: SimProcessor;
  routerCpu: SimProcessor;
  /** Link state changes that the core told of. */
  onRoutesChanged: () => void = () => undefined;
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #options: SimNodeOptions;
  readonly #costs: NodeCosts;
  readonly #handling: HandlingDeps;
  #address: SocketAddress;
  #natPort: number | null = null;
  #seeds: SocketAddress[] = [];
  #waiting: MeshEvent[] = [];
  #tick = 0;
  /** When the core wants the tick that is scheduled. */
  #tickDueMs: number | null = null;
  #routers = 0;
  #clockSkewMs = 0;
  #wallSkewMs = 0;
  #tickedMs = -Infinity;
  #tablesMs = -Infinity;
  #tablesDue = false;
  #members = 0;

  constructor(world: SimWorld, number: number, seed: number, options: SimNodeOptions) {
    this.#world = world;
    this.number = number;
    this.#random = new SeededRandom(seed);
    this.#options = options;
    this.#costs = options.costs ?? FREE;
    this.#handling = {
      costs: this.#costs,
      ownMs: () => this.#ownMs(),
      handled: (mesh, effects) => this.#handled(mesh, effects),
    };
    this.identity = options.identity ?? generateIdentity(this.#random);
    this.#address = { ip: hostAddress(number), port: PORT };
    world.place(this, this.#address, null);
    const [high, low] = [number >> 8, number & 255];
    this.podCidrs = [parseCidr(`10.${32 + high}.${low}.0/24`), parseCidr(`fd00:0:0:${number.toString(16)}::/64`)];
    this.agentCpu = this.#newAgentCpu();
    this.routerCpu = this.#newRouterCpu();
  }

  get address(): SocketAddress {
    return this.#address;
  }

  set address(address: SocketAddress) {
    this.#world.place(this, address, this.#address);
    this.#address = address;
  }

  /** Where its packets come from: behind a NAT another port than its own, which peers reach all the same. */
  get sourceAddress(): SocketAddress {
    return this.#natPort === null ? this.#address : { ...this.#address, port: this.#natPort };
  }

  get id(): NodeId {
    return this.identity.id;
  }

  get self(): SelfDescription {
    const name = this.#options.name ?? `node-${this.address.ip}`;
    const endpoints = [this.address];
    return { name, version: '0.1.0', endpoints, podCidrs: this.podCidrs, podMtuBytes: 1392 };
  }

  start(seeds: readonly SimNode[] = []): void {
    this.#seeds = seeds.map((seed) => seed.address);
    this.router = this.#newRouter();
    this.startAgent();
  }

  startAgent(): void {
    this.agentCpu = this.#newAgentCpu();
    this.#tickDueMs = null;
    this.mesh = new Mesh({
      identity: this.identity,
      self: this.self,
      clusterSecrets: [SECRET],
      clusterCidrs: CLUSTER_CIDRS,
      random: this.#random,
      underlay: { mtuBytes: 1500, ownAddresses: [this.address.ip] },
      cachedAdverts: this.cachedAdverts,
      cachedStamps: this.cachedStamps,
      wallClockMs: WALL_CLOCK_MS + this.#world.nowMs + this.#wallSkewMs,
      cipherPreference: 'auto',
      needsAuthority: false,
      ...this.#options,
    });
    this.connectRouter();
    this.handle({ type: 'seeds', seeds: this.#seeds });
    this.#scheduleCounters(this.mesh);
  }

  /** The agent alone dies; the router forwards on. */
  killAgent(): void {
    if (this.mesh !== null) {
      this.cachedAdverts = this.mesh.adverts();
      this.cachedStamps = this.mesh.stamps();
    }
    this.mesh = null;
    this.agentCpu.stop();
    this.isWatching = false;
  }

  /** What the node kept on disk is gone, its identity excepted. */
  loseState(): void {
    this.cachedAdverts = [];
    this.cachedStamps = { own: 0, accepted: [], firstHeard: [] };
  }

  /** From the next start on, the wall clock is this much behind. */
  setWallClockBack(byMs: number): void {
    this.#wallSkewMs -= byMs;
  }

  /** The machine dies. */
  kill(): void {
    this.killAgent();
    this.router = null;
    this.routerCpu.stop();
  }

  restartRouter(): void {
    this.router = null;
    this.routerCpu.stop();
    this.handle({ type: 'routerDisconnected' });
    this.router = this.#newRouter();
    this.connectRouter();
  }

  connectRouter(): void {
    const { router } = this;
    if (router === null) return;
    router.reportAll();
    const paths = router.pathStatus(this.#world.nowMs);
    const sessions = router.sessionStatus(this.#world.nowMs);
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    const held = this.knowsRelays ? { relaying: router.relays.status } : {};
    const { instance } = router;
    const { keepsEarly: earlyFrames } = this;
    this.handle({ type: 'routerConnected', instance, ciphers, paths, sessions, earlyFrames, ...held });
  }

  moveTo(lastByte: number): void {
    this.address = { ...this.address, ip: parseIpAddress(`192.0.2.${lastByte}`) };
  }

  /** From now on a NAT gives its packets this source port; null: their own. */
  rebind(port: number | null): void {
    const left = this.#natPort === null ? null : this.sourceAddress;
    this.#natPort = port;
    this.#world.place(this, this.sourceAddress, left);
    this.#world.place(this, this.#address, null);
  }

  /** Agent and router stand still, as when the machine is suspended. */
  standStill(forMs: number): void {
    for (const cpu of [this.agentCpu, this.routerCpu]) cpu.block(this.#world.nowMs + forMs);
  }

  set cpuShare(share: number) {
    for (const cpu of [this.agentCpu, this.routerCpu]) cpu.share = share;
  }

  resume(): void {
    this.isPaused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.handle({ type: 'tick' });
    for (const event of waiting) this.handle(event);
  }

  /** From now on the node's clock differs by this much. */
  skewClock(byMs: number): void {
    this.#clockSkewMs += byMs;
  }

  handle(event: MeshEvent): void {
    if (this.mesh === null) return;
    if (this.isPaused) {
      this.#waiting.push(event);
      return;
    }
    this.agentCpu.require(new Handling(this.#handling, this.mesh, event));
  }

  /** Takes a packet of the network. */
  receive(from: SocketAddress, packet: Packet): void {
    const { router } = this;
    if (router === null) return;
    this.routerCpu.submit(new Reception(this.#world, this.#costs, router, from, packet));
  }

  /** A pod of this node sends a frame to one of `peer`. While the agent is away, the router forwards on its last tables. */
  sendFrame(peer: NodeId, sizeBytes: number): SimFrame {
    const { router, mesh } = this;
    const frame: SimFrame = { sizeBytes, sentMs: this.#world.nowMs, state: 'waiting', endedMs: null };
    if (router === null) return frame;
    const isRouted = (): boolean => mesh === null || mesh.hasRoute(peer);
    this.routerCpu.submit({
      run: () => this.#costs.packet(),
      done: () => router.sendFrame(peer, frame, isRouted(), this.#world.nowMs),
    });
    return frame;
  }

  /** The core has handled an event. */
  #handled(mesh: Mesh, effects: readonly MeshEffect[]): void {
    if (this.mesh !== mesh) return;
    for (const effect of effects) this.#carryOut(effect);
    this.#scheduleTick();
  }

  #carryOut(effect: MeshEffect): void {
    switch (effect.type) {
      case 'notice':
        this.notices.push(effect);
        return;
      case 'askAuthority':
        return this.#askAuthority(effect);
      case 'watchNodes':
        this.isWatching = effect.isWanted;
        return;
      case 'routesChanged':
        this.#sendTables();
        return this.onRoutesChanged();
      case 'advertsChanged':
        return;
      case 'sendDatagram':
      case 'sendControl':
      case 'probe':
      case 'path':
      case 'installSession':
      case 'activateSession':
      case 'deactivateSession':
      case 'expectSession':
      case 'removeSession':
      case 'removePeer':
      case 'openChannel':
      case 'closeChannel':
      case 'openRelay':
      case 'closeRelay':
        if (this.router !== null)
          this.routerCpu.require(new CommandWork(this.#world, this.#costs, this.router, effect));
        return;
    }
  }

  /** At most so often, as the agent does; only their cost matters here. */
  #sendTables(): void {
    if (this.#tablesDue || this.#costs === FREE) return;
    this.#tablesDue = true;
    const { mesh } = this;
    this.#world.at(Math.max(this.#world.nowMs, this.#tablesMs + TABLES_INTERVAL_MS), () => {
      this.#tablesDue = false;
      this.#tablesMs = this.#world.nowMs;
      if (this.mesh !== mesh) return;
      this.agentCpu.require({
        run: () => this.#costs.sendTables(this.#members),
        done: () => {
          if (this.router === null) return;
          this.routerCpu.require({ run: () => this.#costs.takeTables(this.#members), done: () => undefined });
        },
      });
    });
  }

  #askAuthority({ node, name }: Extract<MeshEffect, { type: 'askAuthority' }>): void {
    this.asked.push(name);
    const podCidrs = this.#options.authority?.(node, name) ?? null;
    if (podCidrs === 'away') return;
    this.#world.at(this.#world.nowMs + AUTHORITY_MS, () =>
      this.handle({ type: 'authorityAnswered', node, name, podCidrs, isFresh: true }),
    );
  }

  /** All other members, as the core shows them. */
  members(): MemberView[] {
    return this.mesh?.members(this.#ownMs()) ?? [];
  }

  /** Those with a link, or with something known against them. */
  linkedMembers(): MemberView[] {
    return this.mesh?.linkedMembers(this.#ownMs()) ?? [];
  }

  /** Ids of the members that this node holds for down. */
  downMembers(): NodeId[] {
    return this.mesh?.downMembers() ?? [];
  }

  /** Another member as the core shows it, or null. */
  member(id: NodeId): MemberView | null {
    return this.mesh?.member(id, this.#ownMs()) ?? null;
  }

  /** The state of the link to each member. */
  linkStates(): ReadonlyMap<NodeId, string> {
    return new Map(this.members().map(({ id, state }) => [id, state]));
  }

  stateOf(other: SimNode): string {
    return this.member(other.id)?.state ?? 'unknown';
  }

  /** The relay through which it sends to the other, or null. */
  relayTo(other: SimNode): NodeId | null {
    return this.member(other.id)?.relay ?? null;
  }

  usableRoutes(): string[] {
    return (this.mesh?.routes() ?? []).filter(({ usable }) => usable).map(({ cidr }) => cidr);
  }

  /** Whether a frame from this node's router would be opened by the other's. */
  reaches(other: SimNode): boolean {
    const held = this.router?.activeWith(other.id) ?? null;
    if (held === null) return false;
    const theirs = other.router?.sessions.get(held.keys.remoteIndex);
    return theirs !== undefined && Buffer.from(theirs.keys.receiveKey).equals(held.keys.sendKey);
  }

  #ownMs(): number {
    return this.#world.nowMs + this.#clockSkewMs;
  }

  #newRouter(): FakeRouter {
    this.#routers++;
    this.routerCpu = this.#newRouterCpu();
    return new FakeRouter(`${this.id}-${this.#routers}`, {
      at: (atMs, run) => this.#world.at(atMs, run),
      send: (to, packet, sizeBytes) => this.#world.send(this, to, packet, sizeBytes),
      toCore: (event) => this.#handleFromRouter(event),
    });
  }

  #handleFromRouter(event: MeshEvent): void {
    if (this.isPaused || this.mesh === null) return this.handle(event);
    this.agentCpu.submit(new Handling(this.#handling, this.mesh, event));
  }

  #newAgentCpu(): SimProcessor {
    return new SimProcessor(this.#world, { share: this.#options.cpuShare ?? 1, maxQueued: MAX_PENDING_EVENTS });
  }

  #newRouterCpu(): SimProcessor {
    return new SimProcessor(this.#world, { share: this.#options.cpuShare ?? 1, maxQueued: MAX_PENDING_PACKETS });
  }

  #scheduleTick(): void {
    const pollAtMs = this.mesh?.pollAt() ?? null;
    const atMs = pollAtMs === null ? null : pollAtMs - this.#clockSkewMs;
    if (atMs === this.#tickDueMs) return;
    this.#tickDueMs = atMs;
    const tick = ++this.#tick;
    if (atMs === null) return;
    const spacedMs = this.#tickedMs + (this.#options.tickIntervalMs ?? 0);
    this.#world.happen(new NodeTick(Math.max(this.#world.nowMs, atMs, spacedMs), this, tick));
  }

  /** A tick is due, unless another one is scheduled by now. */
  ticked(tick: number): void {
    if (tick !== this.#tick || this.isPaused) return;
    this.#tickDueMs = null;
    this.#tickedMs = this.#world.nowMs;
    this.handle({ type: 'tick' });
  }

  #scheduleCounters(mesh: Mesh): void {
    this.#world.at(this.#world.nowMs + COUNTERS_MS, () => {
      if (this.mesh !== mesh) return;
      if (this.router !== null && !this.isPaused) {
        const peers = this.router.counters(this.#world.nowMs);
        this.#handleFromRouter({ type: 'counters', peers, sessions: this.router.usedSessions(this.#world.nowMs) });
        this.#members = mesh.memberCount;
      }
      this.#scheduleCounters(mesh);
    });
  }
}

/** In a documentation range while there is room (RFC 5737), then in one for benchmarks (RFC 2544). */
function hostAddress(number: number): IpAddress {
  return parseIpAddress(number <= 254 ? `192.0.2.${number}` : `198.18.${number >> 8}.${number & 255}`);
}

/** Every node is up with every other. */
export function isFullMesh(nodes: readonly SimNode[]): boolean {
  const pairsOf = (a: SimNode): SimNode[] => nodes.filter((b) => b !== a);
  // The states cost most, and this is asked after every event of the network.
  if (!nodes.every((a) => pairsOf(a).every((b) => a.reaches(b)))) return false;
  return nodes.every((a) => {
    const states = a.linkStates();
    return pairsOf(a).every((b) => states.get(b.id) === 'up');
  });
}
