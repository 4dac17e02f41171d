/**
 * Configured addresses to join by. Each is dialled until the node behind it is a member; from then on `peer.ts` dials that
 * node, at this address and at those of its advert.
 */
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { dialable, dialAt } from '../peer/dial.js';
import type { Dial, Dialer } from '../peer/dial.js';
import { MAX_DEAD_DIAL_RETRY_MS, MAX_DIAL_RETRY_MS, MAX_SEEDS } from '../limits.js';
import type { SeedView, UnderlayFacts } from '../mesh-io.js';

/** After this many tries, about two minutes, a seed counts as long dead. */
const MANY_TRIES = 30;

interface Seed {
  readonly address: SocketAddress;
  dial: Dial;
  /** The node that responded at this address. */
  member: NodeId | null;
  answer: SeedView['answer'];
}

export interface SeedsDeps {
  readonly dialer: Dialer;
  readonly underlay: UnderlayFacts;
  isMember(id: NodeId): boolean;
  /** Whether the node is linked, so that no handshake with it is needed. */
  isLinked(id: NodeId): boolean;
  /** The linked member at an address, if there is one. */
  linkedAt(address: SocketAddress): NodeId | null;
  /** A node responded to an initiation that any node could respond to. */
  resolved(): void;
}

export class Seeds {
  readonly #deps: SeedsDeps;
  /** By address. Bounded by MAX_SEEDS. */
  #seeds = new Map<string, Seed>();

  constructor(deps: SeedsDeps) {
    this.#deps = deps;
  }

  /** Replaces the list; true when some were too many. */
  replace(addresses: readonly SocketAddress[], nowMs: number): boolean {
    const next = new Map<string, Seed>();
    for (const address of dialable(addresses, this.#deps.underlay.ownAddresses).slice(0, MAX_SEEDS)) {
      const key = formatSocketAddress(address);
      next.set(key, this.#seeds.get(key) ?? { address, dial: dialAt(nowMs), member: null, answer: null });
    }
    for (const [key, seed] of this.#seeds) if (!next.has(key)) this.#endDial(seed);
    this.#seeds = next;
    return addresses.length > MAX_SEEDS;
  }

  /** Notes which node responded, if the initiation was a seed's. */
  resolve(localIndex: number, id: NodeId, from: SocketAddress, nowMs: number): void {
    for (const seed of this.#seeds.values()) {
      if (seed.dial.handshake?.localIndex !== localIndex) continue;
      this.#endDial(seed);
      seed.member = id;
      this.#deps.resolved();
      seed.answer = { from, atMs: nowMs };
      return;
    }
  }

  /** All handshakes in progress were dropped: dials anew at once. */
  restart(nowMs: number): void {
    for (const seed of this.#seeds.values()) seed.dial = dialAt(nowMs);
  }

  advance(nowMs: number): void {
    for (const seed of this.#seeds.values()) {
      if (!this.#isSettled(seed) && nowMs >= seed.dial.nextMs) seed.member = this.#deps.linkedAt(seed.address);
      if (this.#isSettled(seed)) this.#endDial(seed);
      else if (nowMs >= seed.dial.nextMs) this.#tryToReach(seed, nowMs);
    }
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
    const times = [...this.#seeds.values()].filter((seed) => !this.#isSettled(seed)).map(({ dial }) => dial.nextMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  #isSettled(seed: Seed): boolean {
    return seed.member !== null && this.#deps.isMember(seed.member);
  }

  #tryToReach(seed: Seed, nowMs: number): void {
    const target = {
      addresses: [seed.address],
      maxRetryMs: seed.dial.tries >= MANY_TRIES ? MAX_DEAD_DIAL_RETRY_MS : MAX_DIAL_RETRY_MS,
      expects: (id: NodeId): boolean => !this.#deps.isLinked(id),
      staticKey: null,
      secretIds: null,
      isProven: true,
      provenAddress: seed.address,
    };
    seed.dial = this.#deps.dialer.tryNow(seed.dial, target, nowMs);
  }

  #endDial(seed: Seed): void {
    seed.dial = this.#deps.dialer.end(seed.dial);
  }
}
