/**
 * Search for a relay that is better by a third than the one in use (ADR 0052), while that one works. Pure but for its own state. The
 * end with the lower id does it for both.
 *
 * ```
 *   rest --> ask three --> the least sum of both round trips --> open --> probe, probe, probe, probe --> move, rest
 *    ^          none is shorter by a third |                        an answer is not, or none came |
 *    +-------------------------------------+-------------------------------------------------------+
 * ```
 */
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_RELAY_COMPARE_MS,
  MAX_RELAYS_ASKED,
  RELAY_BETTER_SHARE,
  RELAY_COMPARE_MS,
  RELAY_GAIN_MS,
  RELAY_MEASURE_MS,
  RELAY_MEASURED_TIMES,
  RELAY_OFFER_MS,
  RELAYS_ASKED,
} from '../relay-limits.js';
import type { RandomSource } from '../mesh-io.js';
import type { RelayCandidate } from './relay-choice.js';

type State =
  | { readonly type: 'rest'; readonly untilMs: number }
  | { readonly type: 'ask'; readonly untilMs: number; best: { readonly relay: NodeId; readonly sumMs: number } | null }
  | { readonly type: 'measure'; readonly relay: NodeId; nextMs: number; answers: number; isPending: boolean };

export type MoveStep =
  | { readonly type: 'wait'; readonly untilMs: number }
  /** Whether they reach the peer, without making a link for it. */
  | { readonly type: 'ask'; readonly relays: readonly NodeId[] }
  /** A channel through the relay, a probe in it, the path through it. */
  | { readonly type: 'open' | 'probe' | 'move'; readonly relay: NodeId };

export class RelayMove {
  #state: State;
  /** Moves, and relays that were not better when they were measured: the next try comes later each time. */
  #tries = 0;
  /** Relays that were asked since all were. Bounded by MAX_RELAYS_ASKED. */
  readonly #asked = new Set<NodeId>();

  constructor(
    private readonly random: RandomSource,
    nowMs: number,
  ) {
    this.#state = this.#restFrom(nowMs);
  }

  /** Whether a channel through this relay is needed. */
  measures(relay: NodeId): boolean {
    return this.#state.type === 'measure' && this.#state.relay === relay;
  }

  /** There is no time for it now, or no relay to compare with. */
  rest(nowMs: number): void {
    if (this.#state.type !== 'rest') this.#state = this.#restFrom(nowMs);
  }

  /** What is to be done now. @param rttMs of the path in use, null while it is not known */
  step(rttMs: number | null, candidates: () => readonly RelayCandidate[], nowMs: number): MoveStep {
    const state = this.#state;
    switch (state.type) {
      case 'rest':
        return nowMs < state.untilMs ? { type: 'wait', untilMs: state.untilMs } : this.#ask(rttMs, candidates(), nowMs);
      case 'ask': {
        if (nowMs < state.untilMs) return { type: 'wait', untilMs: state.untilMs };
        const { best } = state;
        if (best === null || !isBetter(best.sumMs, rttMs)) return this.#waitFrom(nowMs);
        const nextMs = nowMs + RELAY_OFFER_MS;
        this.#state = { type: 'measure', relay: best.relay, nextMs, answers: 0, isPending: false };
        return { type: 'open', relay: best.relay };
      }
      case 'measure': {
        const { relay, nextMs, answers, isPending } = state;
        if (nowMs < nextMs) return { type: 'wait', untilMs: nextMs };
        if (!isPending && answers < RELAY_MEASURED_TIMES) {
          state.isPending = true;
          state.nextMs = nowMs + RELAY_MEASURE_MS;
          return { type: 'probe', relay };
        }
        this.#tries++;
        const isDone = answers >= RELAY_MEASURED_TIMES;
        const wait = this.#waitFrom(nowMs);
        return isDone ? { type: 'move', relay } : wait;
      }
    }
  }

  /** A relay that was asked reaches the peer. @param sumMs of both round trips */
  offered(relay: NodeId, sumMs: number): void {
    const state = this.#state;
    if (state.type !== 'ask' || !this.#asked.has(relay) || sumMs >= (state.best?.sumMs ?? Infinity)) return;
    state.best = { relay, sumMs };
  }

  /** A probe was answered through a relay that is not in use. An answer that is not better counts as none. */
  answered(relay: NodeId, roundTripMs: number, rttMs: number | null): void {
    const state = this.#state;
    if (state.type !== 'measure' || state.relay !== relay || !state.isPending || !isBetter(roundTripMs, rttMs)) return;
    state.isPending = false;
    state.answers++;
  }

  /** The nearest ones that were not asked since all were. */
  #ask(rttMs: number | null, candidates: readonly RelayCandidate[], nowMs: number): MoveStep {
    const better = candidates.filter((candidate) => isBetter(candidate.rttMs, rttMs));
    if (this.#asked.size >= MAX_RELAYS_ASKED || better.every(({ id }) => this.#asked.has(id))) this.#asked.clear();
    const unasked = better.filter(({ id }) => !this.#asked.has(id)).sort((a, b) => a.rttMs - b.rttMs);
    const relays = unasked.slice(0, RELAYS_ASKED).map(({ id }) => id);
    if (relays.length === 0) return this.#waitFrom(nowMs);
    for (const relay of relays) this.#asked.add(relay);
    this.#state = { type: 'ask', untilMs: nowMs + RELAY_OFFER_MS, best: null };
    return { type: 'ask', relays };
  }

  #waitFrom(nowMs: number): MoveStep {
    const rest = this.#restFrom(nowMs);
    this.#state = rest;
    return { type: 'wait', untilMs: rest.untilMs };
  }

  /** Each at another time: what many ends found out at once would move all of them at once. */
  #restFrom(nowMs: number): State & { readonly type: 'rest' } {
    const forMs = Math.min(MAX_RELAY_COMPARE_MS, RELAY_COMPARE_MS * 2 ** Math.min(this.#tries, 10));
    return { type: 'rest', untilMs: nowMs + forMs * (0.8 + 0.4 * this.random.fraction()) };
  }
}

function isBetter(roundTripMs: number, thanMs: number | null): boolean {
  return thanMs !== null && roundTripMs <= thanMs * RELAY_BETTER_SHARE && thanMs - roundTripMs >= RELAY_GAIN_MS;
}
