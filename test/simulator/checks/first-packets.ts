/**
 * First packets: frames to members that their sender has no link with, between nodes that no fault has touched. Each waits for a
 * handshake, and is to arrive.
 */
import type { SimFrame } from '../../../mesh/testing/packet.js';

/** From the moment a pod sends such a frame until it arrives: one way of the path is in it. Milliseconds. */
export interface FirstPacketTimes {
  readonly p50: number;
  readonly p99: number;
}

export class FirstPackets {
  /** Those that did not arrive. */
  lost = 0;
  /** Bounded by the frames of a simulation. */
  readonly #timesMs: number[] = [];

  /** Takes what became of one. */
  add({ state, sentMs, endedMs }: SimFrame): void {
    if (state === 'arrived') this.#timesMs.push(endedMs! - sentMs);
    else this.lost++;
  }

  /** Null when there were none, as in a cluster in which all are neighbours. */
  get times(): FirstPacketTimes | null {
    const sorted = this.#timesMs.sort((a, b) => a - b);
    const at = (share: number): number => Number(sorted[Math.ceil(share * sorted.length) - 1]!.toFixed(2));
    return sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99) };
  }
}
