/**
 * What an authority outside the mesh says of other nodes: whether it names this key for the node of this name, and with which pod
 * CIDRs (`docs/adr/0026-trust-from-kubernetes.md`). The core asks by an effect and goes on; the answer is an event.
 *
 * ```
 *   unknown --- asked ---> named    handshakes count, and claims within the named CIDRs
 *      |                    |  ^
 *      +------ asked -------v  |    asked again while the link is used, and when a claim is not covered
 *                        refused    no handshake, no claim, no advert
 * ```
 */
import { cidrIncludes } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import {
  ASK_AGAIN_MS,
  ASK_REFUSED_AT_FIRST,
  ASK_UNUSED_MS,
  ASK_USED_MS,
  MAX_ASK_REFUSED_MS,
  MAX_REFUSED_NODES,
  MAX_MEMBERS,
} from '../limits.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';
import type { Advert } from '../wire/advert.js';

export type Standing = 'named' | 'unknown' | 'refused';

interface Named {
  readonly name: string;
  readonly podCidrs: readonly Cidr[];
  /** From then on it is asked again when the link is used. */
  readonly staleMs: number;
}

/** The authority does not name the key for this name. */
interface Refused {
  readonly name: string;
  /** How often in a row it did not. */
  readonly refusals: number;
}

export interface AuthorityDeps {
  /** When not, every node that has the cluster secret is named, with all CIDRs. */
  readonly isNeeded: boolean;
  readonly random: RandomSource;
  emit(effect: MeshEffect): void;
}

export class Authority {
  readonly #deps: AuthorityDeps;
  /** Strangers take no place here: who is named is in the authority's register. */
  readonly #named = new BoundedMap<NodeId, Named>(MAX_MEMBERS);
  readonly #refused = new BoundedMap<NodeId, Refused>(MAX_REFUSED_NODES);
  readonly #askedMs = new BoundedMap<NodeId, number>(MAX_MEMBERS);
  /** Frames of a peer when its use was last seen. */
  readonly #frames = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  constructor(deps: AuthorityDeps) {
    this.#deps = deps;
  }

  /** Whether there is one: without, every node is named, with all CIDRs. */
  get isNeeded(): boolean {
    return this.#deps.isNeeded;
  }

  /** Asks where nothing is known, and again about a node that was refused. */
  standingOf(advert: Advert, nowMs: number): Standing {
    if (!this.#deps.isNeeded) return 'named';
    if (this.#namedAs(advert) !== null) return 'named';
    this.#ask(advert, nowMs);
    return this.#refused.get(advert.id)?.name === advert.name ? 'refused' : 'unknown';
  }

  /** Whether it has named the node, as far as is known without asking. */
  hasNamed(advert: Advert): boolean {
    return !this.#deps.isNeeded || this.#namedAs(advert) !== null;
  }

  isRefused(id: NodeId): boolean {
    return this.#deps.isNeeded && this.#refused.has(id);
  }

  /** Whether the node owns these addresses. @param asks whether to ask when what is known does not say so */
  covers(advert: Advert, cidr: Cidr, asks: boolean, nowMs: number): boolean {
    if (!this.#deps.isNeeded) return true;
    const podCidrs = this.#namedAs(advert)?.podCidrs ?? [];
    if (podCidrs.some((named) => cidrIncludes(named, cidr))) return true;
    if (asks) this.#ask(advert, nowMs);
    return false;
  }

  /** Frames have passed between this node and the peer: an answer that is old is asked for again. @param frames since ever */
  used(advert: Advert, frames: number, nowMs: number): void {
    if (!this.#deps.isNeeded || this.#frames.get(advert.id) === frames) return;
    this.#frames.set(advert.id, frames);
    const named = this.#namedAs(advert);
    if (named === null || nowMs >= named.staleMs) this.#ask(advert, nowMs);
  }

  /** @param isFresh false for an answer from before this process: it counts, and is asked for again soon */
  answered(id: NodeId, name: string, podCidrs: readonly Cidr[] | null, isFresh: boolean, nowMs: number): void {
    if (podCidrs === null) {
      this.#named.delete(id);
      this.#refused.set(id, { name, refusals: (this.#refused.get(id)?.refusals ?? 0) + 1 });
      return;
    }
    const waitMs = isFresh ? ASK_USED_MS : ASK_UNUSED_MS;
    const staleMs = nowMs + waitMs * (1 + this.#deps.random.fraction() / 2);
    this.#refused.delete(id);
    this.#named.set(id, { name, podCidrs, staleMs });
  }

  /** It may say something else now: it is asked whatever it said, and again while the link is used until it answers. */
  doubt(advert: Advert, nowMs: number): void {
    const named = this.#named.get(advert.id);
    if (named !== undefined) this.#named.set(advert.id, { ...named, staleMs: nowMs });
    this.#askedMs.delete(advert.id);
    this.#ask(advert, nowMs);
  }

  /** The node of this name has changed: one that was refused is asked about when it next sends a handshake. */
  reconsider(name: string): void {
    for (const [id, refused] of [...this.#refused]) {
      if (refused.name !== name) continue;
      this.#refused.set(id, { name, refusals: 0 });
      this.#askedMs.delete(id);
    }
  }

  /** A node that took another name is another node for the authority. */
  #namedAs({ id, name }: Advert): Named | null {
    const named = this.#named.get(id);
    return named?.name === name ? named : null;
  }

  #ask({ id, name, identityKey }: Advert, nowMs: number): void {
    if (nowMs - (this.#askedMs.get(id) ?? -Infinity) < this.#waitMs(id)) return;
    this.#askedMs.set(id, nowMs);
    this.#deps.emit({ type: 'askAuthority', node: id, name, publicKey: identityKey });
  }

  /** A node that was deleted and still runs dials for ever. */
  #waitMs(id: NodeId): number {
    const refusals = this.#refused.get(id)?.refusals ?? 0;
    return Math.min(MAX_ASK_REFUSED_MS, ASK_AGAIN_MS * 2 ** Math.max(0, refusals - ASK_REFUSED_AT_FIRST));
  }
}
