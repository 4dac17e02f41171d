/**
 * Paths between the hosts of a simulated network: what each direction of each pair does to packets. All paths are alike until
 * they are changed one by one.
 */
import type { RandomSource } from '../mesh-io.js';

export interface PathProperties {
  /** One-way delay: the least, and what is added at random. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Share of packets that are lost, 0 to 1. */
  readonly loss: number;
  /** Share of packets that arrive twice. */
  readonly duplication: number;
  /** Share of packets that are held for a second delay, so that later ones overtake them whatever the jitter. */
  readonly reordering: number;
  /** Larger packets are dropped without a word. */
  readonly mtuBytes: number;
  readonly isBlocked: boolean;
}

/** What becomes of one packet: the delays of the copies that arrive, or why none does. */
export type Transit =
  | { readonly fate: 'delivered'; readonly delaysMs: readonly number[] }
  | { readonly fate: 'blocked' | 'tooLarge' | 'lost' };

/** A host of the network; paths know it by its number. */
export interface SimHost {
  readonly number: number;
}

/** What differs on a direction of a path now; null for nothing. */
export type PathRule = (from: SimHost, to: SimHost) => Partial<PathProperties> | null;

const MAX_HOSTS = 2 ** 20;

const GOOD_PATH: PathProperties = {
  delayMs: 1,
  jitterMs: 2,
  loss: 0,
  duplication: 0,
  reordering: 0,
  mtuBytes: 1500,
  isBlocked: false,
};

export class SimPaths {
  #common = GOOD_PATH;
  /** What differs from the common properties, by direction. */
  readonly #changes = new Map<number, Partial<PathProperties>>();

  /** Later ones win. */
  readonly #rules = new Set<PathRule>();

  properties(from: SimHost, to: SimHost): PathProperties {
    const change = this.#changes.size === 0 ? undefined : this.#changes.get(keyOf(from, to));
    let path = change === undefined ? this.#common : { ...this.#common, ...change };
    for (const rule of this.#rules) {
      const ruled = rule(from, to);
      if (ruled !== null) path = { ...path, ...ruled };
    }
    return path;
  }

  /** Asks the rule at every packet, until the returned function is called. */
  addRule(rule: PathRule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Changes every path, those changed one by one before included. */
  changeAll(change: Partial<PathProperties>): void {
    this.#common = { ...this.#common, ...change };
    for (const [key, before] of this.#changes) this.#changes.set(key, { ...before, ...change });
  }

  /** Changes one direction. */
  changeOneWay(from: SimHost, to: SimHost, change: Partial<PathProperties>): void {
    const key = keyOf(from, to);
    this.#changes.set(key, { ...this.#changes.get(key), ...change });
  }

  /** Changes both directions between each host of one group and each of another. */
  changeBetween(left: readonly SimHost[], right: readonly SimHost[], change: Partial<PathProperties>): void {
    for (const a of left) {
      for (const b of right) {
        this.changeOneWay(a, b, change);
        this.changeOneWay(b, a, change);
      }
    }
  }
}

export function transit(path: PathProperties, sizeBytes: number, random: RandomSource): Transit {
  if (path.isBlocked) return { fate: 'blocked' };
  if (sizeBytes > path.mtuBytes) return { fate: 'tooLarge' };
  const isTwice = random.fraction() < path.duplication;
  const firstMs = delayOf(path, random);
  const secondMs = isTwice ? delayOf(path, random) : null;
  const oneMs = firstMs ?? secondMs;
  if (oneMs === null) return { fate: 'lost' };
  const delaysMs = firstMs === null || secondMs === null ? [oneMs] : [firstMs, secondMs];
  return { fate: 'delivered', delaysMs };
}

/** Null when this copy is lost. */
function delayOf(path: PathProperties, random: RandomSource): number | null {
  if (random.fraction() < path.loss) return null;
  const delayMs = path.delayMs + random.fraction() * path.jitterMs;
  return random.fraction() < path.reordering ? delayMs + path.delayMs + path.jitterMs : delayMs;
}

function keyOf(from: SimHost, to: SimHost): number {
  return from.number * MAX_HOSTS + to.number;
}
