/**
 * When a child that ended is started again: at once after a healthy run, then more and more slowly. Pure.
 */

import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';

const HEALTHY_AFTER_MS = 30_000;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/** How many runs in a row ended before they were healthy. */
export type QuickExits = number;

export interface ChildExit {
  /** null when a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly ranMs: number;
}

export type RestartDecision =
  | { readonly action: 'restart'; readonly delayMs: number; readonly quickExits: QuickExits }
  | { readonly action: 'give-up' };

export function decideRestart(quickExits: QuickExits, exit: ChildExit): RestartDecision {
  if (exit.code === EXIT_CONFIG_INVALID) return { action: 'give-up' };
  if (exit.ranMs >= HEALTHY_AFTER_MS || quickExits === 0) return { action: 'restart', delayMs: 0, quickExits: 1 };
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (quickExits - 1));
  return { action: 'restart', delayMs, quickExits: quickExits + 1 };
}
