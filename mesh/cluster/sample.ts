/** Random sample of a list. */
import type { RandomSource } from '../mesh-io.js';

/** Up to `count` different items, in random order. */
export function sample<Item>(items: readonly Item[], count: number, random: RandomSource): Item[] {
  const pool = [...items];
  const taken: Item[] = [];
  while (taken.length < count && pool.length > 0) {
    taken.push(...pool.splice(Math.floor(random.fraction() * pool.length), 1));
  }
  return taken;
}
