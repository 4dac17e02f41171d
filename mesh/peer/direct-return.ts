/**
 * Return of a relayed peer to the direct path: direct probes, seldom while none is answered, and how many were answered in a row.
 * Pure but for its own state. An answer goes to where its probe came from, so it shows both directions.
 */
import {
  DIRECT_ANSWERS,
  DIRECT_PROBE_AGAIN_MS,
  DIRECT_PROBE_MS,
  DIRECT_PROBES_OFTEN,
  MAX_DIRECT_PROBE_MS,
} from '../relay-limits.js';

export class DirectReturn {
  #nextMs: number;
  #probes = 0;
  #answers = 0;
  #isPending = false;

  constructor(nowMs: number) {
    this.#nextMs = nowMs + DIRECT_PROBE_MS;
  }

  /** When the next probe is due. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Whether a direct probe was answered lately. */
  get isUnderway(): boolean {
    return this.#answers > 0;
  }

  /** How long it is between two probes that are not answered. */
  get intervalMs(): number {
    return this.#probes < DIRECT_PROBES_OFTEN ? DIRECT_PROBE_MS : MAX_DIRECT_PROBE_MS;
  }

  /** Whether a probe is sent now. @param isUrgent the relay does not answer */
  probes(isUrgent: boolean, nowMs: number): boolean {
    if (isUrgent) this.#nextMs = Math.min(this.#nextMs, nowMs + DIRECT_PROBE_AGAIN_MS);
    if (nowMs < this.#nextMs) return false;
    if (this.#isPending) this.#answers = 0;
    this.#isPending = true;
    this.#probes++;
    this.#nextMs = nowMs + (isUrgent || this.#answers > 0 ? DIRECT_PROBE_AGAIN_MS : this.intervalMs);
    return true;
  }

  /** A probe was answered directly. Whether the direct path counts from now on. @param isUrgent as in {@link probes} */
  answered(isUrgent: boolean, nowMs: number): boolean {
    this.#isPending = false;
    this.#answers++;
    this.#nextMs = nowMs + DIRECT_PROBE_AGAIN_MS;
    return isUrgent || this.#answers >= DIRECT_ANSWERS;
  }
}
