/** Named counters of what was refused. The names are a fixed list, so nothing remote grows it. */
import type { Refusal } from './handshake/handshakes.js';

export type CounterName =
  | Refusal
  | 'unknownPeer'
  | 'invalidAdvert'
  | 'tooManyMembers'
  | 'malformedControl'
  | 'unknownControl'
  | 'linksQueryTooSoon';

export class Counters {
  readonly #counts = new Map<CounterName, number>();

  count(name: CounterName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
