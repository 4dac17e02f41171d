/**
 * Members that opened the pairs of a relay, as small numbers for {@link RelayShares}. A number is given again once its member has no
 * pair; a member that closes its pairs and opens others finds its backlog again as a rule, as the number given back last comes first.
 */
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { NodeId } from '../../common/node-id.js';
import type { OpenRelay } from '../../common/router-port.js';

/** The member that opened the pair; an agent of an older version does not say it. */
export function openerOf({ ends, opener }: OpenRelay): NodeId {
  return opener ?? ends[0].peer;
}

export class RelayOpeners {
  /** Bounded by the number of pairs. */
  readonly #numbers = new Map<NodeId, number>();
  readonly #ids = new Array<NodeId | null>(MAX_RELAY_PAIRS).fill(null);
  /** Pairs of each. */
  readonly #pairs = new Uint32Array(MAX_RELAY_PAIRS);
  readonly #ofPair = new Int32Array(MAX_RELAY_PAIRS);
  readonly #free = Array.from({ length: MAX_RELAY_PAIRS }, (_, i) => MAX_RELAY_PAIRS - 1 - i);

  /** A pair that is not open is opened by this member. */
  open(pair: number, id: NodeId): void {
    const number = this.#numbers.get(id) ?? this.#free.pop()!;
    this.#numbers.set(id, number);
    this.#ids[number] = id;
    this.#pairs[number]!++;
    this.#ofPair[pair] = number;
  }

  close(pair: number): void {
    const number = this.#ofPair[pair]!;
    if (--this.#pairs[number]! > 0) return;
    this.#numbers.delete(this.#ids[number]!);
    this.#ids[number] = null;
    this.#free.push(number);
  }

  /** The number of the member that opened an open pair. */
  of(pair: number): number {
    return this.#ofPair[pair]!;
  }
}
