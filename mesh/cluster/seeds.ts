/**
 * Configured addresses to join by. Each is dialled until the node behind it is a member; from then on `peer.ts` dials that
 * node, at this address and at those of its advert.
 *
 * A node that has joined by one of them, and knows a member that gives the address of another as its own, makes a link to that
 * member instead, some time later: that costs the seed no place for strangers, and all nodes may have started at once. When the
 * link does not lead to the address, it is dialled all the same.
 */
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { dialable, dialAt } from '../peer/dial.js';
import type { Dial, Dialer } from '../peer/dial.js';
import {
  CONNECT_WITHIN_MS,
  MAX_DEAD_DIAL_RETRY_MS,
  MAX_DIAL_RETRY_MS,
  MAX_SEEDS,
  SEED_SPREAD_PER_MEMBER_MS,
} from '../limits.js';
import type { RandomSource, SeedView, UnderlayFacts } from '../mesh-io.js';

/** After this many tries, about two minutes, a seed counts as long dead. */
const MANY_TRIES = 30;

interface Seed {
  readonly address: SocketAddress;
  dial: Dial;
  /** Of the link to the member that gives the address as its own. */
  link: 'none' | 'planned' | 'wanted';
  /** The node that responded at this address. */
  member: NodeId | null;
  answer: SeedView['answer'];
}

export interface SeedsDeps {
  readonly dialer: Dialer;
  readonly underlay: UnderlayFacts;
  readonly random: RandomSource;
  isMember(id: NodeId): boolean;
  /** How often a node has ceased to be a member. */
  forgottenCount(): number;
  /** Whether the node is linked, so that no handshake with it is needed. */
  isLinked(id: NodeId): boolean;
  /** The linked member at an address, if there is one. */
  linkedAt(address: SocketAddress): NodeId | null;
  /** A member that gives the address as its own, once this node has joined; or null. */
  memberAt(address: SocketAddress): NodeId | null;
  memberCount(): number;
  /** Makes a link to a member. */
  open(id: NodeId, nowMs: number): void;
  /** A node responded to an initiation that any node could respond to. */
  resolved(): void;
}

export class Seeds {
  readonly #deps: SeedsDeps;
  /** By address. Bounded by MAX_SEEDS. */
  #seeds = new Map<string, Seed>();
  /** Members forgotten when all seeds were members: as long as it is no more, all still are. Null while one is not. */
  #settledAt: number | null = null;

  constructor(deps: SeedsDeps) {
    this.#deps = deps;
  }

  /** Replaces the list; true when some were too many. */
  replace(addresses: readonly SocketAddress[], nowMs: number): boolean {
    const next = new Map<string, Seed>();
    for (const address of dialable(addresses, this.#deps.underlay.ownAddresses).slice(0, MAX_SEEDS)) {
      const key = formatSocketAddress(address);
      next.set(key, this.#seeds.get(key) ?? { address, dial: dialAt(nowMs), link: 'none', member: null, answer: null });
    }
    for (const [key, seed] of this.#seeds) if (!next.has(key)) this.#endDial(seed);
    this.#seeds = next;
    this.#settledAt = null;
    return addresses.length > MAX_SEEDS;
  }

  /** Notes which node responded, if the initiation was a seed's. */
  resolve(localIndex: number, id: NodeId, from: SocketAddress, nowMs: number): void {
    for (const seed of this.#seeds.values()) {
      if (seed.dial.handshake?.localIndex !== localIndex) continue;
      this.#endDial(seed);
      seed.member = id;
      this.#settledAt = null;
      this.#deps.resolved();
      seed.answer = { from, atMs: nowMs };
      return;
    }
  }

  /** All handshakes in progress were dropped: dials anew at once. */
  restart(nowMs: number): void {
    for (const seed of this.#seeds.values()) Object.assign(seed, { dial: dialAt(nowMs), link: 'none' });
    this.#settledAt = null;
  }

  advance(nowMs: number): void {
    const forgotten = this.#deps.forgottenCount();
    if (forgotten === this.#settledAt) return;
    for (const seed of this.#seeds.values()) {
      if (!this.#isSettled(seed) && nowMs >= seed.dial.nextMs) seed.member = this.#deps.linkedAt(seed.address);
      if (this.#isSettled(seed)) this.#endDial(seed);
      else if (nowMs >= seed.dial.nextMs && !this.#tryMember(seed, nowMs)) this.#tryToReach(seed, nowMs);
    }
    if (this.#isAllSettled()) this.#settledAt = forgotten;
  }

  #isAllSettled(): boolean {
    for (const seed of this.#seeds.values()) if (!this.#isSettled(seed)) return false;
    return true;
  }

  /** False when the address has to be dialled. */
  #tryMember(seed: Seed, nowMs: number): boolean {
    const deps = this.#deps;
    const member = seed.link === 'wanted' ? null : deps.memberAt(seed.address);
    if (member === null) return false;
    if (seed.link === 'planned') {
      this.#endDial(seed);
      deps.open(member, nowMs);
    }
    const spreadMs = deps.memberCount() * SEED_SPREAD_PER_MEMBER_MS * (0.5 + deps.random.fraction());
    const waitMs = seed.link === 'planned' ? CONNECT_WITHIN_MS : spreadMs;
    seed.link = seed.link === 'planned' ? 'wanted' : 'planned';
    // The last initiation may still be answered.
    seed.dial = { ...seed.dial, tries: 0, nextMs: nowMs + waitMs };
    return true;
  }

  views(): SeedView[] {
    return [...this.#seeds.values()].map(({ address, dial, member, answer }) => ({
      address,
      member,
      attempts: dial.tries,
      answer,
    }));
  }

  pollAt(): number | null {
    if (this.#deps.forgottenCount() === this.#settledAt) return null;
    const times = [...this.#seeds.values()].filter((seed) => !this.#isSettled(seed)).map(({ dial }) => dial.nextMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  #isSettled(seed: Seed): boolean {
    return seed.member !== null && this.#deps.isMember(seed.member);
  }

  #tryToReach(seed: Seed, nowMs: number): void {
    const target = {
      peer: null,
      addresses: [seed.address],
      maxRetryMs: seed.dial.tries >= MANY_TRIES ? MAX_DEAD_DIAL_RETRY_MS : MAX_DIAL_RETRY_MS,
      expects: (id: NodeId): boolean => !this.#deps.isLinked(id),
      staticKey: null,
      secretIds: null,
      isProven: true,
      framesWait: false,
      provenAddress: seed.address,
      channels: [],
    };
    seed.dial = this.#deps.dialer.tryNow(seed.dial, target, nowMs);
  }

  #endDial(seed: Seed): void {
    seed.dial = this.#deps.dialer.end(seed.dial);
  }
}
