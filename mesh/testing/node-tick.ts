/** Tick that a core has asked for. It may have asked for another one since: the number says which is meant. */
import type { SimEvent } from './event-queue.js';

export interface Ticking {
  ticked(tick: number): void;
}

export class NodeTick implements SimEvent {
  readonly atMs: number;
  readonly #node: Ticking;
  readonly #tick: number;

  constructor(atMs: number, node: Ticking, tick: number) {
    this.atMs = atMs;
    this.#node = node;
    this.#tick = tick;
  }

  occur(): void {
    this.#node.ticked(this.#tick);
  }
}
