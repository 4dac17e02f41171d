/**
 * Introductions: members that this node knows from adverts only and never had a handshake with, each with the peer that sent
 * its advert. A peer can introduce so many, and all together; adverts of further ones are not even verified.
 */
import type { NodeId } from '../../common/node-id.js';
import { MAX_UNPROVEN_MEMBERS, MAX_UNPROVEN_PER_SENDER } from '../limits.js';
import { IdMap } from './member-maps.js';

export class Introductions {
  /** Who introduced a member. Bounded by MAX_UNPROVEN_MEMBERS. */
  readonly #senders = new IdMap<NodeId>();
  /** How many each peer has introduced. Bounded as `#senders` is. */
  readonly #counts = new Map<NodeId, number>();

  /** Whether the peer may introduce another member: in a large cluster as many as are known without it. @param members known now */
  hasRoom(sender: NodeId, members: number): boolean {
    const count = this.#counts.get(sender) ?? 0;
    return this.#senders.size < MAX_UNPROVEN_MEMBERS && count < Math.max(MAX_UNPROVEN_PER_SENDER, members - count);
  }

  add(member: NodeId, sender: NodeId): void {
    this.settle(member);
    this.#senders.set(member, sender);
    this.#counts.set(sender, (this.#counts.get(sender) ?? 0) + 1);
  }

  /** A handshake with the member has proven that it exists, or it is forgotten. */
  settle(member: NodeId): void {
    const sender = this.#senders.get(member);
    if (sender === undefined) return;
    this.#senders.delete(member);
    const left = this.#counts.get(sender)! - 1;
    if (left === 0) this.#counts.delete(sender);
    else this.#counts.set(sender, left);
  }
}
