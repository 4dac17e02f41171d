/**
 * Revocations that this node knows, the latest decision about each node. A revoked node has no link, no claim and no advert here.
 *
 * Every member has the cluster secret, so every member can decide. Three rules bound what a hostile one does with it: nobody
 * decides about itself, a member that came in the last WITNESS_AFTER_MS decides nothing, and one member's decisions keep at most
 * MAX_REVOKED_PER_ISSUER nodes out. What a revoked node decides after its own revocation does not count.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_REVOCATIONS,
  MAX_REVOCATIONS_PER_MESSAGE,
  MAX_REVOKED_PER_ISSUER,
  MAX_REVOCATION_AHEAD_MS,
} from '../limits.js';
import type { ClusterSecrets } from '../wire/cluster-secrets.js';
import type { NodeIdentity } from '../wire/identity.js';
import { readRevocation, signRevocation, underKeys } from '../wire/revocation.js';
import type { Revocation } from '../wire/revocation.js';

export interface RevocationsDeps {
  readonly identity: NodeIdentity;
  readonly secrets: ClusterSecrets;
  wallClockMs(nowMs: number): number;
  /** Whether the node has been a member for long enough to decide. */
  mayDecide(id: NodeId, nowMs: number): boolean;
}

export type Refusal = 'malformed' | 'old' | 'notEntitled' | 'tooMany';
export type LearnedRevocation = { readonly type: 'new'; readonly revocation: Revocation } | { readonly type: Refusal };

export class Revocations {
  readonly #deps: RevocationsDeps;
  /** Bounded by MAX_REVOCATIONS: the node about which the first decision came first is dropped beyond it. */
  readonly #latest = new BoundedMap<NodeId, Revocation>(MAX_REVOCATIONS);

  constructor(deps: RevocationsDeps) {
    this.#deps = deps;
  }

  /** Decisions, lifted ones included. */
  get size(): number {
    return this.#latest.size;
  }

  /** What {@link encoded} gave before the restart. It was weighed then; what another secret signed is left out. */
  recall(kept: readonly Uint8Array[]): void {
    for (const bytes of kept.slice(0, MAX_REVOCATIONS)) {
      const revocation = this.#read(bytes);
      if (revocation !== null) this.#latest.set(revocation.node, revocation);
    }
  }

  isRevoked(id: NodeId): boolean {
    return this.#latest.get(id)?.isRevoked === true;
  }

  /** The name that the node had at the decision. */
  nameOf(id: NodeId): string | undefined {
    return this.#latest.get(id)?.name;
  }

  /** The decisions that keep a node out. */
  inForce(): Revocation[] {
    return this.#all().filter(({ isRevoked }) => isRevoked);
  }

  encoded(): Uint8Array[] {
    return this.#all().map(({ bytes }) => bytes);
  }

  /** As many as fit a message: from a random place on, so that all are told in time. @param fraction [0, 1) */
  sample(fraction: number): Uint8Array[] {
    const all = this.encoded();
    const from = Math.floor(fraction * all.length);
    return [...all.slice(from), ...all.slice(0, from)].slice(0, MAX_REVOCATIONS_PER_MESSAGE);
  }

  /** Decides on this node, for its operator. */
  decide(node: NodeId, name: string, isRevoked: boolean, nowMs: number): LearnedRevocation {
    const { identity, secrets } = this.#deps;
    const atMs = Math.max(this.#deps.wallClockMs(nowMs), (this.#latest.get(node)?.atMs ?? 0) + 1);
    return this.#weigh(signRevocation(identity, secrets.oldest, { node, name, isRevoked, atMs }), nowMs);
  }

  /** Learns a decision of another node. Never throws. */
  learn(bytes: Uint8Array, nowMs: number): LearnedRevocation {
    const revocation = this.#read(bytes);
    return revocation === null ? { type: 'malformed' } : this.#weigh(revocation, nowMs);
  }

  /**
   * Other cluster secrets. Decisions live on under one that stays, and are void when none does.
   * @returns the nodes that void decisions were about
   */
  secretsReplaced(staying: 'all' | 'some' | 'none'): NodeId[] {
    const nodes = staying === 'none' ? [...this.#latest.keys()] : [];
    if (staying === 'none') this.#latest.clear();
    for (const revocation of this.#all()) {
      this.#latest.set(revocation.node, underKeys(revocation, this.#deps.secrets.oldest));
    }
    return nodes;
  }

  #weigh(revocation: Revocation, nowMs: number): LearnedRevocation {
    const { node, issuer, atMs, isRevoked } = revocation;
    if (atMs <= (this.#latest.get(node)?.atMs ?? -1)) return { type: 'old' };
    if (!isRevoked && !this.isRevoked(node)) return { type: 'old' };
    if (atMs > this.#deps.wallClockMs(nowMs) + MAX_REVOCATION_AHEAD_MS) return { type: 'notEntitled' };
    if (!this.#isEntitled(revocation, nowMs)) return { type: 'notEntitled' };
    if (isRevoked && this.#keptOutBy(issuer, node) >= MAX_REVOKED_PER_ISSUER) return { type: 'tooMany' };
    this.#latest.set(node, revocation);
    return { type: 'new', revocation };
  }

  #isEntitled({ node, issuer, atMs }: Revocation, nowMs: number): boolean {
    if (issuer === node) return false;
    const own = this.#latest.get(issuer);
    if (own?.isRevoked === true && atMs > own.atMs) return false;
    return issuer === this.#deps.identity.id || this.#deps.mayDecide(issuer, nowMs);
  }

  #keptOutBy(issuer: NodeId, besides: NodeId): number {
    return this.inForce().filter((other) => other.issuer === issuer && other.node !== besides).length;
  }

  #read(bytes: Uint8Array): Revocation | null {
    try {
      return readRevocation(bytes, this.#deps.secrets);
    } catch (thrown) {
      if (thrown instanceof DecodeError) return null;
      throw thrown;
    }
  }

  #all(): Revocation[] {
    return Array.from(this.#latest, ([, revocation]) => revocation);
  }
}
