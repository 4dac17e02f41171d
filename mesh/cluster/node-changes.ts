/**
 * Changes of nodes by the authority: a Node is gone, or its key is new. A few nodes see them (`watch-duty.ts`); each change is
 * pushed to NODE_CHANGE_FANOUT linked peers, by each of them once more, and goes with the digests of the next minute.
 *
 * ```
 *   seen by a watch ---+                     +---> peers
 *                      +---> is it new? ---->|
 *   told by a peer ----+                     +---> pause, budget ---> the authority is asked about the node of this name
 *
 *   claim outside the cluster CIDRs -------------> the same
 * ```
 *
 * A change that is told decides nothing, since any member can tell one: the authority's own answer does. A member of ill will
 * causes questions, up to the budget ASK_CHANGED_PER_SECOND.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import {
  ASK_CHANGED_BURST,
  ASK_CHANGED_PER_SECOND,
  ASK_OUTSIDE_AGAIN_MS,
  ASK_SPREAD_PER_MEMBER_MS,
  MAX_NODE_CHANGES,
  MAX_NODE_CHANGES_PER_MESSAGE,
  NODE_CHANGE_AGE_MS,
  NODE_CHANGE_FANOUT,
  NODE_CHANGE_KNOWN_MS,
  NODE_CHANGE_SPREAD_MS,
} from '../limits.js';
import type { NodeChange, RandomSource } from '../mesh-io.js';
import { RateLimiter } from '../rate-limiter.js';
import type { Advert } from '../wire/advert.js';
import { encodeControl } from '../wire/control-message.js';
import { sample } from './sample.js';

export interface NodeChangesDeps {
  readonly random: RandomSource;
  memberCount(): number;
  /** Members of this name that are not down. */
  named(name: string): readonly Advert[];
  linkedPeers(): readonly NodeId[];
  send(peer: NodeId, bytes: Uint8Array): void;
  /** A node of this name that was refused may be named now. */
  reconsider(name: string): void;
  /** Asks the authority about this member. */
  ask(advert: Advert, nowMs: number): void;
}

interface Seen extends NodeChange {
  readonly atMs: number;
}

export class NodeChanges {
  readonly #deps: NodeChangesDeps;
  /** Those of the last NODE_CHANGE_KNOWN_MS, by name and change. */
  readonly #seen = new BoundedMap<string, Seen>(MAX_NODE_CHANGES);
  readonly #toSpread = new BoundedMap<string, NodeChange>(MAX_NODE_CHANGES);
  /** Names of nodes to ask about. */
  readonly #toAsk = new BoundedMap<string, true>(MAX_NODE_CHANGES);
  /** When a claim outside the cluster CIDRs last led to a question, by name of the node. */
  readonly #outside = new BoundedMap<string, number>(MAX_NODE_CHANGES);
  readonly #budget = new RateLimiter({ burst: ASK_CHANGED_BURST, perSecond: ASK_CHANGED_PER_SECOND, maxKeys: 1 });
  #spreadAtMs: number | null = null;
  #askAtMs: number | null = null;

  constructor(deps: NodeChangesDeps) {
    this.#deps = deps;
  }

  /** What this node's own watch saw, or a peer told. */
  learn(changes: readonly NodeChange[], nowMs: number): void {
    this.#forgetOld(nowMs);
    for (const { name, change } of changes) {
      const key = `${change} ${name}`;
      if (this.#seen.has(key)) continue;
      this.#seen.set(key, { name, change, atMs: nowMs });
      this.#toSpread.set(key, { name, change });
      this.#spreadAtMs ??= nowMs + NODE_CHANGE_SPREAD_MS;
      this.#deps.reconsider(name);
      this.#mayAsk(name, nowMs);
    }
  }

  /** A member claims addresses outside the cluster CIDRs: these may have grown. */
  claimedOutside(name: string, nowMs: number): void {
    if (nowMs - (this.#outside.get(name) ?? -Infinity) < ASK_OUTSIDE_AGAIN_MS) return;
    if (this.#mayAsk(name, nowMs)) this.#outside.set(name, nowMs);
  }

  /** Tells a peer the changes of the last minute, beside a digest. */
  remind(peer: NodeId, nowMs: number): void {
    const isRecent = ({ atMs }: Seen): boolean => nowMs - atMs < NODE_CHANGE_AGE_MS;
    // The newest come last.
    const recent = [...this.#seen.values()].filter(isRecent).slice(-MAX_NODE_CHANGES_PER_MESSAGE);
    if (recent.length > 0) this.#send(peer, recent);
  }

  advance(nowMs: number): void {
    this.#forgetOld(nowMs);
    if (this.#spreadAtMs !== null && nowMs >= this.#spreadAtMs) this.#spread(nowMs);
    if (this.#askAtMs !== null && nowMs >= this.#askAtMs) this.#ask(nowMs);
  }

  pollAt(): number | null {
    if (this.#spreadAtMs === null || this.#askAtMs === null) return this.#spreadAtMs ?? this.#askAtMs;
    return Math.min(this.#spreadAtMs, this.#askAtMs);
  }

  /** The oldest come first. */
  #forgetOld(nowMs: number): void {
    for (const [key, { atMs }] of this.#seen) {
      if (nowMs - atMs < NODE_CHANGE_KNOWN_MS) return;
      this.#seen.delete(key);
    }
  }

  /** False when no member of this name can be reached. */
  #mayAsk(name: string, nowMs: number): boolean {
    if (this.#deps.named(name).length === 0) return false;
    this.#toAsk.set(name, true);
    this.#askAtMs ??= nowMs + this.#pauseMs();
    return true;
  }

  #pauseMs(): number {
    return this.#deps.random.fraction() * this.#deps.memberCount() * ASK_SPREAD_PER_MEMBER_MS;
  }

  #spread(nowMs: number): void {
    const changes = [...this.#toSpread].slice(0, MAX_NODE_CHANGES_PER_MESSAGE);
    for (const [key] of changes) this.#toSpread.delete(key);
    this.#spreadAtMs = this.#toSpread.size === 0 ? null : nowMs + NODE_CHANGE_SPREAD_MS;
    for (const peer of sample(this.#deps.linkedPeers(), NODE_CHANGE_FANOUT, this.#deps.random)) {
      this.#send(
        peer,
        changes.map(([, change]) => change),
      );
    }
  }

  #ask(nowMs: number): void {
    this.#askAtMs = null;
    for (const name of [...this.#toAsk.keys()]) {
      if (!this.#budget.take(0, nowMs)) {
        this.#askAtMs = nowMs + 1_000 / ASK_CHANGED_PER_SECOND + this.#pauseMs();
        return;
      }
      this.#toAsk.delete(name);
      for (const advert of this.#deps.named(name)) this.#deps.ask(advert, nowMs);
    }
  }

  #send(peer: NodeId, changes: readonly NodeChange[]): void {
    this.#deps.send(peer, encodeControl({ type: 'nodeChanges', changes }));
  }
}
