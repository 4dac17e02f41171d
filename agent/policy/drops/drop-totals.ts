/**
 * Totals of what network policies dropped. The counters of the kernel's table come and go with the policies that isolate pods, and
 * begin at 0 again when the table is written anew; totals only grow. What a counter counts between the last look and its removal
 * is not in them.
 */
import type { Direction, DropCounter } from '../../../policy/index.js';

/** Combinations of policies with totals of their own, the first that dropped something; the rest is in the sums alone. */
export const MAX_TOTALS = 100;

export interface DropTotal extends DropCounter {
  readonly packets: number;
}

export class DropTotals {
  readonly #sums: Record<Direction, number> = { ingress: 0, egress: 0 };
  /** By direction and policies. Bounded by {@link MAX_TOTALS}. */
  readonly #totals = new Map<string, DropTotal>();
  /** Packets of each counter at the last look. Bounded by the counters of the table. */
  #seen: ReadonlyMap<string, number> | null = null;

  get sums(): Readonly<Record<Direction, number>> {
    return { ...this.#sums };
  }

  get byPolicies(): readonly DropTotal[] {
    return [...this.#totals.values()];
  }

  /** @param packets by counter, as the kernel has them now. Those of before the first look are not counted */
  take(packets: ReadonlyMap<string, number>, counterOf: (name: string) => DropCounter | undefined): void {
    for (const [name, now] of packets) {
      const counter = counterOf(name);
      const before = this.#seen?.get(name) ?? 0;
      if (this.#seen !== null && counter !== undefined) this.#add(counter, now >= before ? now - before : now);
    }
    this.#seen = packets;
  }

  #add(counter: DropCounter, packets: number): void {
    if (packets === 0) return;
    const { direction, policies, rule } = counter;
    this.#sums[direction] += packets;
    const key = `${direction} ${policies.join()} ${rule ?? ''}`;
    const before = this.#totals.get(key);
    if (before === undefined && this.#totals.size >= MAX_TOTALS) return;
    this.#totals.set(key, { ...counter, packets: packets + (before?.packets ?? 0) });
  }
}
