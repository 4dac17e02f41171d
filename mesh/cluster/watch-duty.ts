/**
 * Choice of the few nodes that watch the authority for all others: those with the lowest ids among the members that are not down.
 * Each node decides for itself, so in a cluster that is cut in two each half has its own.
 */
import type { NodeId } from '../../common/node-id.js';
import { WATCH_DUTY_AFTER_MS, WATCH_DUTY_INTERVAL_MS, WATCHERS } from '../limits.js';
import type { MeshEffect } from '../mesh-io.js';
import type { Advert } from '../wire/advert.js';

export interface WatchDutyDeps {
  readonly ownId: NodeId;
  /** Without an authority there is nothing to watch. */
  readonly isNeeded: boolean;
  /** The other members that are not down. */
  living(): Iterable<Pick<Advert, 'id'>>;
  emit(effect: MeshEffect): void;
}

export class WatchDuty {
  readonly #deps: WatchDutyDeps;
  #isOnDuty = false;
  /** Since when this node should begin or end to watch. */
  #dueSinceMs: number | null = null;
  #nextMs = -Infinity;

  constructor(deps: WatchDutyDeps) {
    this.#deps = deps;
  }

  advance(nowMs: number): void {
    if (!this.#deps.isNeeded || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + WATCH_DUTY_INTERVAL_MS;
    if (this.#isAmongLowest() === this.#isOnDuty) {
      this.#dueSinceMs = null;
      return;
    }
    this.#dueSinceMs ??= nowMs;
    if (nowMs - this.#dueSinceMs < WATCH_DUTY_AFTER_MS) return;
    this.#dueSinceMs = null;
    this.#isOnDuty = !this.#isOnDuty;
    this.#deps.emit({ type: 'watchNodes', isWanted: this.#isOnDuty });
  }

  pollAt(): number | null {
    return this.#deps.isNeeded ? this.#nextMs : null;
  }

  #isAmongLowest(): boolean {
    let lower = 0;
    for (const { id } of this.#deps.living()) if (id < this.#deps.ownId && ++lower === WATCHERS) return false;
    return true;
  }
}
