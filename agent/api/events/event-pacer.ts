/**
 * Schedule of the snapshots: soon after a change, at most one every `minIntervalMs`; without a change one every
 * `maxIntervalMs`, because throughput changes while states do not. Pure: times are milliseconds of the caller's clock.
 */

export interface EventTiming {
  /** Least time between two snapshots. */
  readonly minIntervalMs: number;
  /** Most time between two snapshots. */
  readonly maxIntervalMs: number;
  /** Time between two comments that keep proxies from closing a quiet stream. */
  readonly heartbeatMs: number;
}

export const DEFAULT_EVENT_TIMING: EventTiming = { minIntervalMs: 1_000, maxIntervalMs: 2_000, heartbeatMs: 15_000 };

export interface Pace {
  readonly lastSentMs: number;
  /** Whether something has changed since then. */
  readonly changed: boolean;
}

export function paceAfterSending(nowMs: number): Pace {
  return { lastSentMs: nowMs, changed: false };
}

export function paceAfterChange(pace: Pace): Pace {
  return { ...pace, changed: true };
}

/** How long to wait from `nowMs` until the next snapshot; 0 when it is due. */
export function waitMs(pace: Pace, timing: EventTiming, nowMs: number): number {
  const interval = pace.changed ? timing.minIntervalMs : timing.maxIntervalMs;
  return Math.max(0, pace.lastSentMs + interval - nowMs);
}
