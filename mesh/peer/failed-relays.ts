/** Relays that did not work for one peer, and until when they are not asked again. */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import { MAX_FAILED_RELAYS, RELAY_CLOSED_MS, RELAY_FAILED_MS } from '../relay-limits.js';

export class FailedRelays {
  /** Bounded by MAX_FAILED_RELAYS. */
  readonly #untilMs = new BoundedMap<NodeId, number>(MAX_FAILED_RELAYS);

  /** Once may be a message that was lost: the only relay shall not be out of reach for that. */
  add(relay: NodeId, nowMs: number): void {
    const isAgain = nowMs - (this.#untilMs.get(relay) ?? -Infinity) < RELAY_FAILED_MS;
    this.avoid(relay, isAgain ? RELAY_FAILED_MS : RELAY_CLOSED_MS, nowMs);
  }

  avoid(relay: NodeId, forMs: number, nowMs: number): void {
    this.#untilMs.set(relay, Math.max(this.#untilMs.get(relay) ?? -Infinity, nowMs + forMs));
  }

  has(relay: NodeId, nowMs: number): boolean {
    return nowMs < (this.#untilMs.get(relay) ?? -Infinity);
  }
}
