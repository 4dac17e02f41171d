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
  MAX_MEMBERS,
} from '../limits.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';
import type { Advert } from '../wire/advert.js';

export type Standing = 'named' | 'unknown' | 'refused';

interface Answer {
  readonly name: string;
  /** Null when the authority does not name the key for this name. */
  readonly podCidrs: readonly Cidr[] | null;
  /** How often in a row it did not. */
  readonly refusals: number;
  /** From then on it is asked again when the link is used. */
  readonly staleMs: number;
}

export interface AuthorityDeps {
  /** Without an authority every node that has the cluster secret is named, with all CIDRs. */
  readonly isNeeded: boolean;
  readonly random: RandomSource;
  emit(effect: MeshEffect): void;
}

export class Authority {
  readonly #deps: AuthorityDeps;
  readonly #answers = new BoundedMap<NodeId, Answer>(MAX_MEMBERS);
  readonly #askedMs = new BoundedMap<NodeId, number>(MAX_MEMBERS);
  /** Frames of a peer when its use was last seen. */
  readonly #frames = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  constructor(deps: AuthorityDeps) {
    this.#deps = deps;
  }

  /** Asks where nothing is known, and again about a node that was refused. */
  standingOf(advert: Advert, nowMs: number): Standing {
    if (!this.#deps.isNeeded) return 'named';
    const answer = this.#answerAbout(advert);
    if (answer?.podCidrs !== undefined && answer.podCidrs !== null) return 'named';
    this.#ask(advert, nowMs);
    return answer === null ? 'unknown' : 'refused';
  }

  isRefused(id: NodeId): boolean {
    return this.#deps.isNeeded && this.#answers.get(id)?.podCidrs === null;
  }

  /** Whether the node owns these addresses. @param asks whether to ask when what is known does not say so */
  covers(advert: Advert, cidr: Cidr, asks: boolean, nowMs: number): boolean {
    if (!this.#deps.isNeeded) return true;
    const podCidrs = this.#answerAbout(advert)?.podCidrs ?? [];
    if (podCidrs.some((named) => cidrIncludes(named, cidr))) return true;
    if (asks) this.#ask(advert, nowMs);
    return false;
  }

  /** Frames have passed between this node and the peer: an answer that is old is asked for again. @param frames since ever */
  used(advert: Advert, frames: number, nowMs: number): void {
    if (!this.#deps.isNeeded || this.#frames.get(advert.id) === frames) return;
    this.#frames.set(advert.id, frames);
    const answer = this.#answerAbout(advert);
    if (answer === null || nowMs >= answer.staleMs) this.#ask(advert, nowMs);
  }

  /** @param isFresh false for an answer from before this process: it counts, and is asked for again soon */
  answered(id: NodeId, name: string, podCidrs: readonly Cidr[] | null, isFresh: boolean, nowMs: number): void {
    const waitMs = isFresh ? ASK_USED_MS : ASK_UNUSED_MS;
    const staleMs = nowMs + waitMs * (1 + this.#deps.random.fraction() / 2);
    const before = this.#answers.get(id)?.refusals ?? 0;
    this.#answers.set(id, { name, podCidrs, staleMs, refusals: podCidrs === null ? before + 1 : 0 });
  }

  /** It may say something else now: it is asked whatever it said, and again while the link is used until it answers. */
  doubt(advert: Advert, nowMs: number): void {
    const answer = this.#answers.get(advert.id);
    if (answer !== undefined) this.#answers.set(advert.id, { ...answer, staleMs: nowMs });
    this.#askedMs.delete(advert.id);
    this.#ask(advert, nowMs);
  }

  /** The node of this name has changed: one that was refused is asked about when it next sends a handshake. */
  reconsider(name: string): void {
    for (const [id, answer] of [...this.#answers]) {
      if (answer.name !== name || answer.podCidrs !== null) continue;
      this.#answers.set(id, { ...answer, refusals: 0 });
      this.#askedMs.delete(id);
    }
  }

  /** A node that took another name is another node for the authority. */
  #answerAbout({ id, name }: Advert): Answer | null {
    const answer = this.#answers.get(id);
    return answer?.name === name ? answer : null;
  }

  #ask({ id, name, identityKey }: Advert, nowMs: number): void {
    if (nowMs - (this.#askedMs.get(id) ?? -Infinity) < this.#waitMs(id)) return;
    this.#askedMs.set(id, nowMs);
    this.#deps.emit({ type: 'askAuthority', node: id, name, publicKey: identityKey });
  }

  /** A node that was deleted and still runs dials for ever. */
  #waitMs(id: NodeId): number {
    const refusals = this.#answers.get(id)?.refusals ?? 0;
    return Math.min(MAX_ASK_REFUSED_MS, ASK_AGAIN_MS * 2 ** Math.max(0, refusals - ASK_REFUSED_AT_FIRST));
  }
}
