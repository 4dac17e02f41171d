/**
 * Counters of the peers as the router reports them: its reports hold what has changed, or all peers (ADR 0042). With them the rates,
 * which are those of an interval between two reports also for a peer that was in neither.
 */
import type { NodeId } from '../../../common/node-id.js';
import type { PeerCounters, RouterEvent } from '../../../common/router-port.js';
import { RateMeter } from './rate-meter.js';

export type CountersReport = Extract<RouterEvent, { type: 'counters' }>;

export class ReportedCounters {
  /** Bounded by the router's own table of peers, as all here. */
  readonly #byPeer = new Map<NodeId, PeerCounters>();
  readonly #rates = new RateMeter();
  /** Peers whose bytes were others in a report than in the one before, or are measured still. */
  readonly #moving = new Set<NodeId>();
  /** Time of the last report. */
  #reportedMs = -Infinity;

  get byPeer(): ReadonlyMap<NodeId, PeerCounters> {
    return this.#byPeer;
  }

  take({ peers, changes }: CountersReport, nowMs: number): void {
    if (changes === undefined || changes.part === 'first') this.#keepOnly(new Set(peers.map(({ peer }) => peer)));
    for (const id of changes?.removed ?? []) this.#forget(id);
    const unknownHadNone = changes?.part === 'change';
    for (const counters of peers) this.#note(counters, unknownHadNone);
    for (const id of this.#moving) this.#measure(id, nowMs);
    this.#reportedMs = nowMs;
  }

  /** Bits per second to the peer and from it. */
  rates(id: NodeId, nowMs: number): readonly number[] {
    return this.#rates.rates(id, nowMs, 2);
  }

  #note(counters: PeerCounters, unknownHadNone: boolean): void {
    const { peer, txBytes, rxBytes } = counters;
    const before = this.#byPeer.get(peer);
    this.#byPeer.set(peer, counters);
    if (before !== undefined && before.txBytes === txBytes && before.rxBytes === rxBytes) return;
    if (this.#moving.has(peer)) return;
    this.#moving.add(peer);
    // Until the last report it stood still.
    if (before !== undefined) this.#rates.stoodStill(peer, this.#reportedMs);
    else if (unknownHadNone) this.#rates.record(peer, this.#reportedMs, [0, 0]);
  }

  #measure(id: NodeId, nowMs: number): void {
    const { txBytes, rxBytes } = this.#byPeer.get(id)!;
    const isTaken = this.#rates.record(id, nowMs, [txBytes, rxBytes]);
    if (isTaken && this.#rates.rates(id, nowMs, 2).every((rate) => rate === 0)) this.#moving.delete(id);
  }

  #keepOnly(ids: ReadonlySet<NodeId>): void {
    for (const id of this.#byPeer.keys()) if (!ids.has(id)) this.#forget(id);
  }

  #forget(id: NodeId): void {
    this.#byPeer.delete(id);
    this.#moving.delete(id);
    this.#rates.forget(id);
  }
}
