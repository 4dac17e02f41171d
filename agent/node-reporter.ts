/** Port to who has to know how the node does: Kubernetes, which sends pods to nodes whose network works. */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import { isReady } from './api/conditions.js';
import type { EvaluatedCondition } from './api/conditions.js';

const INTERVAL_MS = 2_000;

export interface NodeReporter {
  /** Called every few seconds. */
  report(isReady: boolean, conditions: readonly EvaluatedCondition[]): void;
}

/** Returns the function that ends the reports. @param reporter null when nobody wants them */
export function startReports(
  reporter: NodeReporter | null,
  conditions: () => readonly EvaluatedCondition[],
  clock: Clock,
): () => void {
  if (reporter === null) return () => undefined;
  return every(clock, INTERVAL_MS, () => {
    const now = conditions();
    reporter.report(isReady(now), now);
  });
}
