/**
 * Local health of this node, after Lifeguard (Dadgar and others, 2018): how late its agent does its work. A node that is late hears
 * late, so it waits longer before it takes others for dead. Late are ticks, by the time that they were due, and the handling of
 * answers to probes, by the round trip that the router measured. Standing still for longer is excused as a whole (`core-clock.ts`).
 */
import { GRACE_PER_LAG, LAG_MEMORY_MS, LAG_NOTED_MS, MAX_GRACE_MS } from './limits.js';

export class LocalHealth {
  /** The worst of the last LAG_MEMORY_MS, and when it was. */
  #worst = { lagMs: 0, atMs: -Infinity };

  /** Something was done so late. */
  note(lagMs: number, nowMs: number): void {
    if (lagMs < LAG_NOTED_MS || (lagMs < this.#worst.lagMs && this.#isRecent(nowMs))) return;
    this.#worst = { lagMs, atMs: nowMs };
  }

  /** How much longer than usual a peer may be silent, or a handshake may take. */
  graceMs(nowMs: number): number {
    return this.#isRecent(nowMs) ? Math.min(MAX_GRACE_MS, GRACE_PER_LAG * this.#worst.lagMs) : 0;
  }

  #isRecent(nowMs: number): boolean {
    return nowMs - this.#worst.atMs < LAG_MEMORY_MS;
  }
}
