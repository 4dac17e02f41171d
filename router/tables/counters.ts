/**
 * Counters of one forwarding thread: drops by reason, traffic by peer. Doubles, so that a count never wraps (exact to 2^53).
 * Only their thread touches them; the main thread asks for reports, which hold the peers that changed in between.
 */
import { DROP_REASONS } from './drop-reasons.js';
import { MAX_PEERS } from '../../common/protocol.js';

const TX_BYTES = 0;
const TX_FRAMES = 1;
const RX_BYTES = 2;
const RX_FRAMES = 3;
/** Time of the last authentic datagram, milliseconds on the thread's clock; 0 for none. */
const LAST_RECEIVED_MS = 4;
const LOSS_RATIO = 5;
/** The same of the last one that came another way than datagrams to the peer take. */
const ELSEWHERE_MS = 6;
const PEER_FIELDS = 7;

/** Counts of the reasons that occurred, by name. */
export function dropsByName(drops: Float64Array): Record<string, number> {
  return Object.fromEntries(
    DROP_REASONS.map((reason, i) => [reason, drops[i]!] as const).filter(([, count]) => count > 0),
  );
}

export interface PeerTotals {
  txBytes: number;
  txFrames: number;
  rxBytes: number;
  rxFrames: number;
  lastReceivedMs: number;
  lossRatio: number;
}

export class Counters {
  readonly drops = new Float64Array(DROP_REASONS.length);
  readonly #peers = new Float64Array((MAX_PEERS + 1) * PEER_FIELDS);
  /** 1 for the peers that are in the list of those that changed. */
  readonly #isChanged = new Uint8Array(MAX_PEERS + 1);
  readonly #changed = new Uint16Array(MAX_PEERS + 1);
  #changedCount = 0;

  sent(peer: number, frames: number, bytes: number): void {
    this.#change(peer);
    const at = peer * PEER_FIELDS;
    this.#peers[at + TX_BYTES] = this.#peers[at + TX_BYTES]! + bytes;
    this.#peers[at + TX_FRAMES] = this.#peers[at + TX_FRAMES]! + frames;
  }

  received(peer: number, frames: number, bytes: number): void {
    this.#change(peer);
    const at = peer * PEER_FIELDS;
    this.#peers[at + RX_BYTES] = this.#peers[at + RX_BYTES]! + bytes;
    this.#peers[at + RX_FRAMES] = this.#peers[at + RX_FRAMES]! + frames;
  }

  heard(peer: number, nowMs: number): void {
    this.#change(peer);
    this.#peers[peer * PEER_FIELDS + LAST_RECEIVED_MS] = nowMs;
  }

  /** After {@link heard}: directly from a peer behind a relay, or through a relay from another one. */
  heardElsewhere(peer: number, nowMs: number): void {
    this.#peers[peer * PEER_FIELDS + ELSEWHERE_MS] = nowMs;
  }

  /** When it was last heard, -Infinity when that was another way than its path. */
  heardOnPathMs(peer: number): number {
    const at = peer * PEER_FIELDS;
    const heardMs = this.#peers[at + LAST_RECEIVED_MS]!;
    return heardMs === this.#peers[at + ELSEWHERE_MS] ? -Infinity : heardMs;
  }

  lossReported(peer: number, ratio: number): void {
    this.#change(peer);
    this.#peers[peer * PEER_FIELDS + LOSS_RATIO] = ratio;
  }

  totals(peer: number): PeerTotals {
    const at = peer * PEER_FIELDS;
    return {
      txBytes: this.#peers[at + TX_BYTES]!,
      txFrames: this.#peers[at + TX_FRAMES]!,
      rxBytes: this.#peers[at + RX_BYTES]!,
      rxFrames: this.#peers[at + RX_FRAMES]!,
      lastReceivedMs: this.#peers[at + LAST_RECEIVED_MS]!,
      lossRatio: this.#peers[at + LOSS_RATIO]!,
    };
  }

  /** Some of the peers that changed and were not settled: at most `limit`, in no order. Valid until the next change. */
  changed(limit: number): Uint16Array {
    return this.#changed.subarray(Math.max(0, this.#changedCount - limit), this.#changedCount);
  }

  /** How many peers have changed. */
  get changedCount(): number {
    return this.#changedCount;
  }

  /** Those that {@link changed} gave have been reported. */
  settle(changed: Uint16Array): void {
    for (const peer of changed) this.#isChanged[peer] = 0;
    this.#changedCount -= changed.length;
  }

  /** Resets all counts, drops included. */
  clear(): void {
    this.drops.fill(0);
    this.#peers.fill(0);
    this.settle(this.changed(Infinity));
  }

  forget(peer: number): void {
    this.#peers.fill(0, peer * PEER_FIELDS, (peer + 1) * PEER_FIELDS);
  }

  #change(peer: number): void {
    if (this.#isChanged[peer] === 1) return;
    this.#isChanged[peer] = 1;
    this.#changed[this.#changedCount++] = peer;
  }
}
