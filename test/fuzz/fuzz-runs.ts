/**
 * How many runs a property gets: its own base number, multiplied by the environment's HEDDLE_TEST_FUZZ_RUNS when someone
 * wants to search longer (`HEDDLE_TEST_FUZZ_RUNS=100 npm run unit`).
 */
const MAX_RUNS = 100_000_000;

/** @param base runs in an ordinary test; @returns at least 1 */
export function fuzzRuns(base: number, environment: NodeJS.ProcessEnv = process.env): number {
  const factor = Number(environment['HEDDLE_TEST_FUZZ_RUNS'] ?? '1');
  if (!Number.isFinite(factor) || factor <= 0) return base;
  return Math.min(MAX_RUNS, Math.max(1, Math.round(base * factor)));
}
