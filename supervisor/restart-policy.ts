/** Restart policy of a supervised child: at once after a healthy run, then after growing delays. Pure. */
import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';

const HEALTHY_AFTER_MS = 30_000;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

export interface ChildHistory {
  /** Number of successive runs that ended before they were healthy. */
  readonly quickExits: number;
  /** Whether any run was healthy. */
  readonly wasHealthy: boolean;
}

export const NEW_CHILD: ChildHistory = { quickExits: 0, wasHealthy: false };

export interface ChildExit {
  /** Null when a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly ranMs: number;
}

export type RestartDecision =
  | { readonly action: 'restart'; readonly delayMs: number; readonly history: ChildHistory }
  | { readonly action: 'give-up' };

/**
 * A child that was never healthy and exits with 78 (its configuration is wrong) is not started again. One that was healthy
 * before is started again every 5 s: the configuration may be corrected, and the other child runs meanwhile.
 */
export function decideRestart({ quickExits, wasHealthy }: ChildHistory, exit: ChildExit): RestartDecision {
  const isHealthy = exit.ranMs >= HEALTHY_AFTER_MS;
  const refusesConfig = exit.code === EXIT_CONFIG_INVALID;
  if (refusesConfig && !isHealthy && !wasHealthy) return { action: 'give-up' };
  const history = { quickExits: isHealthy ? 1 : quickExits + 1, wasHealthy: wasHealthy || isHealthy };
  return { action: 'restart', delayMs: refusesConfig ? MAX_DELAY_MS : delayAfter(history.quickExits), history };
}

function delayAfter(quickExits: number): number {
  return quickExits <= 1 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (quickExits - 2));
}
