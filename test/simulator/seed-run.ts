/** Simulation of one seed; after a violation, the search for the fewest faults that cause it. */
import { describeFault } from './faults/fault-kinds.js';
import type { Failure } from './report.js';
import { planRun, runSimulation } from './run.js';
import type { RunOutcome, RunPlan } from './run.js';
import { shrunk } from './shrink.js';
import type { SimOptions } from './sim-arguments.js';

export interface SeedResult {
  readonly outcome: RunOutcome;
  readonly failure: Failure | null;
}

export function runSeed(options: SimOptions, seed: number): SeedResult {
  const plan = planRun(options, seed);
  const outcome = runSimulation(plan);
  return { outcome, failure: outcome.violations === 0 ? null : failureOf(plan, outcome) };
}

/** A smaller plan counts when it violates the same invariant as the first violation. */
function failureOf(plan: RunPlan, outcome: RunOutcome): Failure {
  const [first] = outcome.kept;
  let last = outcome;
  const smallest = shrunk(plan, (smaller) => {
    const tried = runSimulation(smaller);
    const isSame = tried.kept.some(({ invariant }) => invariant === first?.invariant);
    if (isSame) last = tried;
    return isSame;
  });
  const { seed, faults } = smallest;
  return { seed, violations: last.kept, faults: faults.map(describeFault), diagram: last.diagram };
}
