/** Port to the orchestrator, Kubernetes: it is told how the node does, and may be the authority over which keys are nodes. */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import { isReady } from './api/conditions.js';
import type { EvaluatedCondition } from './api/conditions.js';
import type { NodeAuthority } from './trust/trust-source.js';

const INTERVAL_MS = 2_000;

export interface Orchestrator {
  readonly authority: NodeAuthority;
  /** This node's identity key, by which others know it. */
  publish(publicKey: Uint8Array): void;
  /** Called every few seconds. */
  report(isReady: boolean, conditions: readonly EvaluatedCondition[]): void;
}

/** Until the process ends. */
export function startReports(
  { orchestrator, clock }: { readonly orchestrator: Orchestrator | null; readonly clock: Clock },
  { publicKey }: { readonly publicKey: Uint8Array },
  conditions: () => readonly EvaluatedCondition[],
): void {
  if (orchestrator === null) return;
  orchestrator.publish(publicKey);
  every(clock, INTERVAL_MS, () => {
    const now = conditions();
    orchestrator.report(isReady(now), now);
  });
}
