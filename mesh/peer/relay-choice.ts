/**
 * Choice of a relay to one peer (ADR 0044): which members are asked, and which of those that offer is tried first. Pure.
 *
 * ```
 *   ask three --> answers --> the least sum of both round trips is tried --> it works: over
 *       ^            |                                                   --> not in time: the next offer
 *       +-- all no --+   then three, six and twelve more, and some of them again a little later;
 *                        a relay that makes a link to the peer, or that this node makes a link to, is asked again
 * ```
 */
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_RELAYS_ASKED,
  MAX_RELAYS_LINKING,
  RELAY_ASK_AGAIN_MS,
  RELAY_OFFER_MS,
  RELAY_SEARCH_MS,
  RELAY_TRY_MS,
  RELAYS_ASKED,
  RELAYS_ASKED_AGAIN,
} from '../relay-limits.js';
import type { SoughtPeer } from './relay-need.js';

/** A member with a direct link. */
export interface RelayCandidate {
  readonly id: NodeId;
  readonly isNeighbour: boolean;
  /** It relays to other peers, or another member named it. */
  readonly isKnown: boolean;
  readonly rttMs: number;
}

/** What is known of a member that was asked. */
export type Asked =
  | { readonly state: 'asked' | 'connecting' | 'tried'; readonly atMs: number }
  /** `sumMs`: of both round trips. */
  | { readonly state: 'offers'; readonly sumMs: number }
  /** `hasNone`: it had no direct link to the peer. */
  | { readonly state: 'refuses' | 'hasNone' };

export interface RelaySearch {
  readonly startedMs: number;
  /** Bounded by MAX_RELAYS_ASKED. */
  readonly asked: ReadonlyMap<NodeId, Asked>;
  /** How often those that had no link were asked again. */
  readonly again: number;
}

export type RelayStep =
  | { readonly type: 'ask'; readonly relays: readonly NodeId[]; readonly isAgain: boolean }
  | { readonly type: 'try'; readonly relay: NodeId }
  | { readonly type: 'wait'; readonly untilMs: number }
  /** Nobody is left to ask or to try. */
  | { readonly type: 'giveUp' };

export function relaySearch(nowMs: number): RelaySearch {
  return { startedMs: nowMs, asked: new Map(), again: 0 };
}

/** The same with what is now known of some members. */
export function noted(search: RelaySearch, relays: readonly NodeId[], asked: Asked): RelaySearch {
  return { ...search, asked: new Map([...search.asked, ...relays.map((id) => [id, asked] as const)]) };
}

/** What is to be done now. */
export function relayStep(search: RelaySearch, candidates: readonly RelayCandidate[], nowMs: number): RelayStep {
  if (nowMs - search.startedMs >= RELAY_SEARCH_MS) return { type: 'giveUp' };
  const waitMs = waitsUntilMs(search, nowMs);
  if (waitMs !== null) return { type: 'wait', untilMs: Math.min(waitMs, search.startedMs + RELAY_SEARCH_MS) };
  const best = bestOffer(search);
  if (best !== null) return { type: 'try', relay: best };
  const again = [...search.asked].filter(([, { state }]) => state === 'connecting').map(([id]) => id);
  if (again.length > 0) return { type: 'ask', relays: again, isAgain: false };
  const { asked } = search;
  const count = Math.min(Math.max(RELAYS_ASKED, asked.size), MAX_RELAYS_ASKED - asked.size);
  const unasked = bestOf(candidates, ({ id }) => !asked.has(id)).slice(0, Math.max(0, count));
  return unasked.length > 0 ? { type: 'ask', relays: unasked, isAgain: false } : askAgain(search, candidates, nowMs);
}

/** A peer that the members asked do not reach may be dead, or at a site whose gateway they have not found yet either. */
function askAgain(search: RelaySearch, candidates: readonly RelayCandidate[], nowMs: number): RelayStep {
  const afterMs = RELAY_ASK_AGAIN_MS[search.again];
  if (afterMs === undefined) return { type: 'giveUp' };
  const mayHaveNow = ({ id }: RelayCandidate): boolean => {
    const state = search.asked.get(id)?.state;
    return state === 'hasNone' || state === 'asked';
  };
  const relays = bestOf(candidates, mayHaveNow).slice(0, RELAYS_ASKED_AGAIN);
  if (relays.length === 0) return { type: 'giveUp' };
  const atMs = search.startedMs + afterMs;
  return nowMs < atMs ? { type: 'wait', untilMs: atMs } : { type: 'ask', relays, isAgain: true };
}

/** Whether those asked next may make a link to the peer. Neighbours have many in common, so that the first ones need none. */
export function mayLinkFor({ asked }: RelaySearch, peer: SoughtPeer, nowMs: number): boolean {
  if (asked.size >= MAX_RELAYS_LINKING) return false;
  return !peer.isNeighbour || peer.framesWait(nowMs) || peer.link.state === 'down' || asked.size >= RELAYS_ASKED;
}

/** Relays that work for others first, then neighbours, then by the shortest round trip. */
function bestOf(candidates: readonly RelayCandidate[], isMeant: (candidate: RelayCandidate) => boolean): NodeId[] {
  return candidates
    .filter(isMeant)
    .sort(
      (a, b) =>
        Number(b.isKnown) - Number(a.isKnown) || Number(b.isNeighbour) - Number(a.isNeighbour) || a.rttMs - b.rttMs,
    )
    .map(({ id }) => id);
}

function bestOffer({ asked }: RelaySearch): NodeId | null {
  let best: { readonly id: NodeId; readonly sumMs: number } | null = null;
  for (const [id, known] of asked) {
    if (known.state === 'offers' && known.sumMs < (best?.sumMs ?? Infinity)) best = { id, sumMs: known.sumMs };
  }
  return best?.id ?? null;
}

/** The end of what is waited for: a try, answers, or without any offer a link that a relay makes. Null: nothing. */
function waitsUntilMs({ asked }: RelaySearch, nowMs: number): number | null {
  const all = [...asked.values()];
  const hasOffer = all.some(({ state }) => state === 'offers');
  const until = all.flatMap((known): number[] => {
    if (known.state === 'tried') return [known.atMs + RELAY_TRY_MS];
    const isAwaited = known.state === 'asked' || (known.state === 'connecting' && !hasOffer);
    return isAwaited ? [known.atMs + RELAY_OFFER_MS] : [];
  });
  const latestMs = Math.max(...until, -Infinity);
  return latestMs > nowMs ? latestMs : null;
}
