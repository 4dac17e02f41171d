/** Delta debugging (Zeller) of a plan: the fewest of its faults with which something is still violated. */
import type { RunPlan } from './run.js';

/** Simulations that one search may take. */
const MAX_TRIES = 60;

/** @param fails whether a plan violates something */
export function shrunk(plan: RunPlan, fails: (plan: RunPlan) => boolean): RunPlan {
  let smallest = plan;
  let parts = 2;
  for (let tries = 0; smallest.faults.length > 0 && tries < MAX_TRIES;) {
    const size = Math.ceil(smallest.faults.length / parts);
    const starts = Array.from({ length: Math.ceil(smallest.faults.length / size) }, (_, i) => i * size);
    const without = starts.map((start) => smallest.faults.filter((__, i) => i < start || i >= start + size));
    const found = without.find((faults) => ++tries <= MAX_TRIES && fails({ ...smallest, faults }));
    if (found !== undefined) {
      smallest = { ...smallest, faults: found };
      parts = Math.max(2, parts - 1);
    } else if (size === 1) {
      break;
    } else {
      parts = Math.min(parts * 2, smallest.faults.length);
    }
  }
  return smallest;
}
