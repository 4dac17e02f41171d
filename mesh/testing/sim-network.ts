/**
 * A deterministic network of mesh cores: one virtual clock, one seed, packets that are delayed, lost, duplicated and
 * reordered, nodes that die, pause, move and come back. A failing seed is a reproducible test.
 */
import { assert } from '../../common/errors.js';
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import type { MeshEffect, MeshEvent, SelfDescription } from '../mesh-io.js';
import { Mesh } from '../mesh.js';
import type { MeshOptions } from '../mesh-parts.js';
import { EventQueue } from './event-queue.js';
import { FakeRouter } from './fake-router.js';
import type { Packet } from './fake-router.js';
import { SeededRandom } from './seeded-random.js';

export const CLUSTER_CIDRS = [parseCidr('10.32.0.0/12'), parseCidr('fd00::/16')];
export const SECRET = new Uint8Array(32).fill(7);
const PORT = 6785;
const COUNTERS_MS = 1000;
const MAX_EVENTS_AT_ONCE = 10_000;
/** 2026-01-01, so that revisions look like those of real life. */
const WALL_CLOCK_MS = Date.UTC(2026, 0, 1);

export interface NetworkRules {
  /** Share of packets lost, 0 to 1. */
  loss: number;
  duplicates: number;
  /** One-way delay: the least, and what is added at random. */
  delayMs: number;
  jitterMs: number;
  /** The largest packet that passes. */
  mtuBytes: number;
  /** Whether packets pass between two nodes. */
  passes: (from: SimNode, to: SimNode) => boolean;
}

export class SimNetwork {
  nowMs = 0;
  readonly random: SeededRandom;
  readonly nodes: SimNode[] = [];
  /** Packets that ever crossed the wire, for tests that replay or mutate them. */
  readonly captured: { from: SocketAddress; to: SocketAddress; bytes: Uint8Array }[] = [];
  readonly rules: NetworkRules = {
    loss: 0,
    duplicates: 0,
    delayMs: 1,
    jitterMs: 2,
    mtuBytes: 1500,
    passes: () => true,
  };
  readonly #queue = new EventQueue();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  addNode(
    options: Partial<
      Pick<MeshOptions, 'clusterSecret' | 'clusterCidrs' | 'identity' | 'underlay' | 'cipherPreference'>
    > = {},
  ): SimNode {
    const node = new SimNode(this, this.nodes.length + 1, options);
    this.nodes.push(node);
    return node;
  }

  at(atMs: number, run: () => void): void {
    this.#queue.push(atMs, run);
  }

  /** Runs for a time of the virtual clock; `check` is called at the first step of every 50 ms. */
  run(forMs: number, check?: () => void): void {
    let checkedMs = -Infinity;
    this.#runUntil(this.nowMs + forMs, () => {
      if (check !== undefined && this.nowMs - checkedMs >= 50) {
        checkedMs = this.nowMs;
        check();
      }
      return false;
    });
  }

  /** Runs until the condition holds and gives the time that took, or Infinity when it never did. */
  runUntil(condition: () => boolean, limitMs: number): number {
    const startMs = this.nowMs;
    if (condition()) return 0;
    return this.#runUntil(startMs + limitMs, condition) ? this.nowMs - startMs : Infinity;
  }

  deliver(from: SimNode, to: SocketAddress, packet: Packet, sizeBytes: number): void {
    if (packet.kind === 'datagram') this.captured.push({ from: from.address, to, bytes: packet.bytes });
    if (sizeBytes > this.rules.mtuBytes) return;
    const copies = this.random.fraction() < this.rules.duplicates ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.random.fraction() < this.rules.loss) continue;
      const source = from.address;
      this.at(this.nowMs + this.rules.delayMs + this.random.fraction() * this.rules.jitterMs, () => {
        const target = this.nodes.find((node) => formatSocketAddress(node.address) === formatSocketAddress(to));
        if (target !== undefined && this.rules.passes(from, target)) target.router?.receive(source, packet, this.nowMs);
      });
    }
  }

  /** Fails when the nodes make no progress: a deadline that stays in the past. */
  #runUntil(endMs: number, stop: () => boolean): boolean {
    let stuck = 0;
    for (let due = this.#queue.popUntil(endMs); due !== null; due = this.#queue.popUntil(endMs)) {
      stuck = due.atMs > this.nowMs ? 0 : stuck + 1;
      assert(stuck < MAX_EVENTS_AT_ONCE, `the network moves on from ${this.nowMs} ms`);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.run();
      if (stop()) return true;
    }
    this.nowMs = endMs;
    return false;
  }
}

export class SimNode {
  readonly identity: NodeIdentity;
  readonly podCidrs: Cidr[];
  address: SocketAddress;
  mesh: Mesh | null = null;
  router: FakeRouter | null = null;
  cachedAdverts: Uint8Array[] = [];
  readonly notices: Extract<MeshEffect, { type: 'notice' }>[] = [];
  readonly effects: MeshEffect[] = [];
  /** While true, nothing reaches the core: the process stands still. */
  isPaused = false;
  readonly #network: SimNetwork;
  readonly #options: Partial<MeshOptions>;
  #seeds: SocketAddress[] = [];
  #waiting: MeshEvent[] = [];
  #tick = 0;
  #routers = 0;
  #clockSkewMs = 0;

  constructor(network: SimNetwork, number: number, options: Partial<MeshOptions>) {
    this.#network = network;
    this.#options = options;
    this.identity = options.identity ?? generateIdentity(network.random);
    this.address = { ip: parseIpAddress(`192.0.2.${number}`), port: PORT };
    this.podCidrs = [parseCidr(`10.32.${number}.0/24`), parseCidr(`fd00:0:0:${number}::/64`)];
  }

  get id(): NodeId {
    return this.identity.id;
  }

  get self(): SelfDescription {
    return { name: `node-${this.address.ip}`, version: '0.1.0', endpoints: [this.address], podCidrs: this.podCidrs };
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
      random: this.#network.random,
      underlay: { mtuBytes: 1500, ownAddresses: [this.address.ip] },
      cachedAdverts: this.cachedAdverts,
      wallClockMs: WALL_CLOCK_MS + this.#network.nowMs,
      cipherPreference: 'auto',
      ...this.#options,
    });
    this.connectRouter();
    this.handle({ type: 'seeds', seeds: this.#seeds });
    this.#scheduleCounters(this.mesh);
  }

  /** The agent alone dies; the router forwards on. */
  killAgent(): void {
    this.cachedAdverts = this.mesh?.adverts() ?? [];
    this.mesh = null;
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
    const paths = [...router.paths.values()];
    const sessions = router.sessionStatus();
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
    for (const effect of this.mesh.handle(event, this.#network.nowMs + this.#clockSkewMs)) {
      this.effects.push(effect);
      if (effect.type === 'notice') this.notices.push(effect);
      else this.router?.apply(effect, this.#network.nowMs);
    }
    this.#scheduleTick();
  }

  stateOf(other: SimNode): string {
    return (
      this.mesh?.members(this.#network.nowMs + this.#clockSkewMs).find(({ id }) => id === other.id)?.state ?? 'unknown'
    );
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

  #newRouter(): FakeRouter {
    this.#routers++;
    return new FakeRouter(`${this.id}-${this.#routers}`, {
      send: (to, packet, sizeBytes) => this.#network.deliver(this, to, packet, sizeBytes),
      up: (event) => this.handle(event),
    });
  }

  #scheduleTick(): void {
    const atMs = this.mesh?.pollAt() ?? null;
    if (atMs === null) return;
    const tick = ++this.#tick;
    this.#network.at(Math.max(this.#network.nowMs, atMs - this.#clockSkewMs), () => {
      if (tick === this.#tick && !this.isPaused) this.handle({ type: 'tick' });
    });
  }

  #scheduleCounters(mesh: Mesh): void {
    this.#network.at(this.#network.nowMs + COUNTERS_MS, () => {
      if (this.mesh !== mesh) return;
      if (this.router !== null && !this.isPaused) {
        const peers = this.router.counters(this.#network.nowMs);
        this.handle({ type: 'counters', peers, sessions: this.router.sessionStatus() });
      }
      this.#scheduleCounters(mesh);
    });
  }
}

/** Every live node is up with every other. */
export function isFullMesh(nodes: readonly SimNode[]): boolean {
  return nodes.every((a) => nodes.every((b) => a === b || (a.stateOf(b) === 'up' && a.reaches(b))));
}
