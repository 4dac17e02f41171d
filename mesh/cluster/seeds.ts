/**
 * The configured addresses to join by. Each is dialled until the node behind it is a member; from then on it is dialled
 * as a member, at this address and at those of its advert.
 */
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { Dial, dialable } from '../peer/dial.js';
import type { Handshakes } from '../handshake/handshakes.js';
import { MAX_DEAD_DIAL_RETRY_MS, MAX_DIAL_RETRY_MS, MAX_SEEDS } from '../limits.js';
import type { MeshEffect, RandomSource, UnderlayFacts } from '../mesh-io.js';

/** After this many tries, about two minutes, a seed counts as long dead. */
const MANY_TRIES = 30;

interface Seed {
  readonly address: SocketAddress;
  readonly dial: Dial;
  tries: number;
  /** Who answered at this address. */
  member: NodeId | null;
}

export interface SeedsDeps {
  readonly handshakes: Handshakes;
  readonly random: RandomSource;
  readonly underlay: UnderlayFacts;
  emit(effect: MeshEffect): void;
  isMember(id: NodeId): boolean;
  /** Whether there already is a link, so that a handshake with the node is not needed. */
  isLinked(id: NodeId): boolean;
  /** The linked member at an address, if there is one. */
  linkedAt(address: SocketAddress): NodeId | null;
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
      next.set(key, this.#seeds.get(key) ?? { address, dial: new Dial(nowMs), tries: 0, member: null });
    }
    for (const [key, seed] of this.#seeds) if (!next.has(key)) this.#endAttempt(seed);
    this.#seeds = next;
    return addresses.length > MAX_SEEDS;
  }

  /** Notes which node responded to an initiation, if a seed's attempt sent it. */
  resolveAttempt(localIndex: number, id: NodeId): void {
    for (const seed of this.#seeds.values()) {
      if (seed.dial.attempt !== localIndex) continue;
      this.#endAttempt(seed);
      seed.member = id;
      return;
    }
  }

  /** The router was replaced: whatever was in flight is gone. */
  restart(nowMs: number): void {
    for (const seed of this.#seeds.values()) {
      seed.dial.attempt = null;
      seed.tries = 0;
      seed.dial.restart(nowMs);
    }
  }

  advance(nowMs: number): void {
    for (const seed of this.#seeds.values()) {
      if (!this.#isSettled(seed) && nowMs >= seed.dial.nextMs) seed.member = this.#deps.linkedAt(seed.address);
      if (this.#isSettled(seed)) this.#endAttempt(seed);
      else if (nowMs >= seed.dial.nextMs) this.#tryToReach(seed, nowMs);
    }
  }

  pollAt(): number | null {
    const times = [...this.#seeds.values()].filter((seed) => !this.#isSettled(seed)).map(({ dial }) => dial.nextMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  #isSettled(seed: Seed): boolean {
    return seed.member !== null && this.#deps.isMember(seed.member);
  }

  #tryToReach(seed: Seed, nowMs: number): void {
    const { handshakes, random } = this.#deps;
    if (seed.dial.isAttemptOver(nowMs)) this.#endAttempt(seed, 'expired');
    if (seed.dial.attempt === null) {
      const localIndex = handshakes.start((id) => !this.#deps.isLinked(id), nowMs);
      if (localIndex !== null) seed.dial.begun(localIndex, nowMs);
    }
    const bytes = seed.dial.attempt === null ? null : handshakes.initiationFor(seed.dial.attempt, seed.address, nowMs);
    if (bytes !== null) this.#deps.emit({ type: 'sendDatagram', to: seed.address, bytes });
    seed.tries++;
    seed.dial.tried(seed.tries > MANY_TRIES ? MAX_DEAD_DIAL_RETRY_MS : MAX_DIAL_RETRY_MS, random.fraction(), nowMs);
  }

  #endAttempt(seed: Seed, end: 'expired' | 'superseded' = 'superseded'): void {
    if (seed.dial.attempt !== null) this.#deps.handshakes.cancel(seed.dial.attempt, end);
    seed.dial.attempt = null;
  }
}
