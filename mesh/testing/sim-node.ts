/**
 * Node of a simulated network: a mesh core with its fake router. It can die, lose its agent or its router, stand still, move
 * to another address, and have a clock that jumps.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import { Mesh } from '../mesh.js';
import type { KeptStamps, MeshEffect, MeshEvent, SelfDescription } from '../mesh-io.js';
import type { MeshOptions } from '../mesh-parts.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import { FakeRouter } from './fake-router.js';
import type { Packet } from './fake-router.js';
import { SeededRandom } from './seeded-random.js';
import type { SimHost } from './sim-paths.js';

export const CLUSTER_CIDRS = [parseCidr('10.32.0.0/12'), parseCidr('fd00::/16')];
export const SECRET = new Uint8Array(32).fill(7);
const PORT = 6785;
const COUNTERS_MS = 1000;
const AUTHORITY_MS = 20;
/** 2026-01-01, so that revisions have the size of real ones. */
const WALL_CLOCK_MS = Date.UTC(2026, 0, 1);

export type SimNodeOptions = Partial<
  Pick<MeshOptions, 'clusterSecret' | 'clusterCidrs' | 'identity' | 'underlay' | 'cipherPreference' | 'needsAuthority'>
> & {
  /** What the authority says of a node that is asked about; no answer while it is away. */
  readonly authority?: (node: NodeId, name: string) => readonly Cidr[] | null | 'away';
};

/** The network as a node sees it. */
export interface SimWorld {
  readonly nowMs: number;
  at(atMs: number, run: () => void): void;
  send(from: SimNode, to: SocketAddress, packet: Packet, sizeBytes: number): void;
}

export class SimNode implements SimHost {
  readonly identity: NodeIdentity;
  readonly podCidrs: Cidr[];
  address: SocketAddress;
  mesh: Mesh | null = null;
  router: FakeRouter | null = null;
  cachedAdverts: Uint8Array[] = [];
  cachedStamps: KeptStamps = { own: 0, accepted: [], firstHeard: [] };
  /** Names of the nodes that the authority was asked about. */
  readonly asked: string[] = [];
  readonly notices: Extract<MeshEffect, { type: 'notice' }>[] = [];
  /** While true, nothing reaches the core: the process stands still. */
  isPaused = false;
  readonly number: number;
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #options: SimNodeOptions;
  #seeds: SocketAddress[] = [];
  #waiting: MeshEvent[] = [];
  #tick = 0;
  #routers = 0;
  #clockSkewMs = 0;
  #wallSkewMs = 0;

  constructor(world: SimWorld, number: number, seed: number, options: SimNodeOptions) {
    this.#world = world;
    this.number = number;
    this.#random = new SeededRandom(seed);
    this.#options = options;
    this.identity = options.identity ?? generateIdentity(this.#random);
    this.address = { ip: parseIpAddress(`192.0.2.${number}`), port: PORT };
    this.podCidrs = [parseCidr(`10.32.${number}.0/24`), parseCidr(`fd00:0:0:${number}::/64`)];
  }

  get id(): NodeId {
    return this.identity.id;
  }

  get self(): SelfDescription {
    const name = `node-${this.address.ip}`;
    const endpoints = [this.address];
    return { name, version: '0.1.0', endpoints, podCidrs: this.podCidrs, podMtuBytes: 1392 };
  }

  start(seeds: readonly SimNode[] = []): void {
    this.#seeds = seeds.map((seed) => seed.address);
    this.router = this.#newRouter();
    this.startAgent();
  }

  startAgent(): void {
    this.mesh = new Mesh({
      identity: this.identity,
      self: this.self,
      clusterSecret: SECRET,
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
  }

  restartRouter(): void {
    this.router = null;
    this.handle({ type: 'routerDisconnected' });
    this.router = this.#newRouter();
    this.connectRouter();
  }

  connectRouter(): void {
    const { router } = this;
    if (router === null) return;
    const paths = router.pathStatus(this.#world.nowMs);
    const sessions = router.sessionStatus(this.#world.nowMs);
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    this.handle({ type: 'routerConnected', instance: router.instance, ciphers, paths, sessions });
  }

  moveTo(lastByte: number): void {
    this.address = { ...this.address, ip: parseIpAddress(`192.0.2.${lastByte}`) };
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
    for (const effect of this.mesh.handle(event, this.#ownMs())) {
      if (effect.type === 'notice') this.notices.push(effect);
      else if (effect.type === 'askAuthority') this.#askAuthority(effect);
      else this.router?.apply(effect, this.#world.nowMs);
    }
    this.#scheduleTick();
  }

  #askAuthority({ node, name }: Extract<MeshEffect, { type: 'askAuthority' }>): void {
    this.asked.push(name);
    const podCidrs = this.#options.authority?.(node, name) ?? null;
    if (podCidrs === 'away') return;
    this.#world.at(this.#world.nowMs + AUTHORITY_MS, () =>
      this.handle({ type: 'authorityAnswered', node, name, podCidrs, isFresh: true }),
    );
  }

  /** The state of the link to each member. */
  linkStates(): ReadonlyMap<NodeId, string> {
    return new Map((this.mesh?.members(this.#ownMs()) ?? []).map(({ id, state }) => [id, state]));
  }

  stateOf(other: SimNode): string {
    return this.linkStates().get(other.id) ?? 'unknown';
  }

  usableRoutes(): string[] {
    return (this.mesh?.routes() ?? []).filter(({ usable }) => usable).map(({ cidr }) => cidr);
  }

  /** Whether a frame from this node's router would be opened by the other's. */
  reaches(other: SimNode): boolean {
    const held = this.router?.sessions.get(this.router.active.get(other.id) ?? -1);
    if (held === undefined) return false;
    const theirs = other.router?.sessions.get(held.keys.remoteIndex);
    return theirs !== undefined && Buffer.from(theirs.keys.receiveKey).equals(held.keys.sendKey);
  }

  #ownMs(): number {
    return this.#world.nowMs + this.#clockSkewMs;
  }

  #newRouter(): FakeRouter {
    this.#routers++;
    return new FakeRouter(`${this.id}-${this.#routers}`, {
      send: (to, packet, sizeBytes) => this.#world.send(this, to, packet, sizeBytes),
      toCore: (event) => this.handle(event),
    });
  }

  #scheduleTick(): void {
    const atMs = this.mesh?.pollAt() ?? null;
    if (atMs === null) return;
    const tick = ++this.#tick;
    this.#world.at(Math.max(this.#world.nowMs, atMs - this.#clockSkewMs), () => {
      if (tick === this.#tick && !this.isPaused) this.handle({ type: 'tick' });
    });
  }

  #scheduleCounters(mesh: Mesh): void {
    this.#world.at(this.#world.nowMs + COUNTERS_MS, () => {
      if (this.mesh !== mesh) return;
      if (this.router !== null && !this.isPaused) {
        const peers = this.router.counters(this.#world.nowMs);
        this.handle({ type: 'counters', peers, sessions: this.router.sessionStatus(this.#world.nowMs) });
      }
      this.#scheduleCounters(mesh);
    });
  }
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
