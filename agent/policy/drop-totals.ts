/**
 * Totals of what network policies dropped. The counters of the kernel's table come and go with the policies that isolate pods, and
 * begin at 0 again when the table is written anew; totals only grow.
 */
import type { Direction, PolicyTable } from '../../policy/index.js';

export class DropTotals {
  readonly #totals: Record<Direction, number> = { ingress: 0, egress: 0 };
  /** Packets of each counter at the last look. Bounded by the counters of the table. */
  #seen: ReadonlyMap<string, number> | null = null;

  get totals(): Readonly<Record<Direction, number>> {
    return { ...this.#totals };
  }

  /** @param packets by counter, as the kernel has them now. Those of before the first look are not counted */
  take(packets: ReadonlyMap<string, number>, { counters }: Pick<PolicyTable, 'counters'>): void {
    for (const [name, now] of packets) {
      const direction = counters.get(name)?.direction;
      const before = this.#seen?.get(name) ?? 0;
      if (this.#seen !== null && direction !== undefined) this.#totals[direction] += now >= before ? now - before : now;
    }
    this.#seen = packets;
  }
}
