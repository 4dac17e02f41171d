/**
 * Choice of a relay to one peer (ADR 0044): which members are asked, and which of those that offer is tried first. Pure.
 *
 * ```
 *   ask three --> answers --> the least sum of both round trips is tried --> it works: over
 *       ^            |                                                   --> not in time: the next offer
 *       +-- all no --+   a relay that makes a link to the peer is asked again
 * ```
 */
import type { NodeId } from '../../common/node-id.js';
import { MAX_RELAYS_ASKED, RELAY_OFFER_MS, RELAY_SEARCH_MS, RELAY_TRY_MS, RELAYS_ASKED } from '../limits.js';

/** A member with a direct link. */
export interface RelayCandidate {
  readonly id: NodeId;
  readonly isNeighbour: boolean;
  readonly rttMs: number;
}

/** What is known of a member that was asked. */
export type Asked =
  | { readonly state: 'asked' | 'connecting' | 'tried'; readonly atMs: number }
  /** `sumMs`: of both round trips. */
  | { readonly state: 'offers'; readonly sumMs: number }
  | { readonly state: 'refuses' };

export interface RelaySearch {
  readonly startedMs: number;
  /** Bounded by MAX_RELAYS_ASKED. */
  readonly asked: ReadonlyMap<NodeId, Asked>;
}

export type RelayStep =
  | { readonly type: 'ask'; readonly relays: readonly NodeId[] }
  | { readonly type: 'try'; readonly relay: NodeId }
  | { readonly type: 'wait'; readonly untilMs: number }
  /** Nobody is left to ask or to try. */
  | { readonly type: 'giveUp' };

export function relaySearch(nowMs: number): RelaySearch {
  return { startedMs: nowMs, asked: new Map() };
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
  if (again.length > 0) return { type: 'ask', relays: again };
  const relays = relaysToAsk(search, candidates);
  return relays.length > 0 ? { type: 'ask', relays } : { type: 'giveUp' };
}

/** Those with the shortest round trip that were not asked yet, neighbours first. */
function relaysToAsk({ asked }: RelaySearch, candidates: readonly RelayCandidate[]): NodeId[] {
  if (asked.size >= MAX_RELAYS_ASKED) return [];
  return candidates
    .filter(({ id }) => !asked.has(id))
    .sort((a, b) => Number(b.isNeighbour) - Number(a.isNeighbour) || a.rttMs - b.rttMs)
    .slice(0, RELAYS_ASKED)
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
