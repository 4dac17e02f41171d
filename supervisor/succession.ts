/**
 * Succession after a supervisor that was killed: its router forwards with its last tables and keys until the agent of this one
 * has taken its sessions over, so that the start of the agent loses no traffic.
 */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';

const POLL_MS = 50;
/** A router without a supervisor ends after 10 s. */
const WITHIN_MS = 5_000;
/** The agent connects soon after its first answer. */
const CONNECTS_WITHIN_MS = 500;

/** Router of an earlier supervisor. */
export interface Predecessor {
  /** False when it has ended, or is stopped. */
  forwards(): boolean;
  /** Kills it; resolves when it is gone. */
  end(): Promise<void>;
}

export interface SuccessionOptions {
  readonly predecessor: Predecessor;
  readonly clock: Clock;
  /** Whether the agent of this supervisor has given an answer. */
  readonly agentAnswers: () => boolean;
}

/** Resolves when the predecessor is gone. */
export async function succeed({ predecessor, clock, agentAnswers }: SuccessionOptions): Promise<void> {
  const startedMs = clock.nowMs();
  let answeredMs: number | null = null;
  await new Promise<void>((resolve) => {
    const stop = every(clock, POLL_MS, () => {
      const nowMs = clock.nowMs();
      if (agentAnswers()) answeredMs ??= nowMs;
      const isConnected = answeredMs !== null && nowMs - answeredMs >= CONNECTS_WITHIN_MS;
      if (predecessor.forwards() && !isConnected && nowMs - startedMs < WITHIN_MS) return;
      stop();
      resolve();
    });
  });
  await predecessor.end();
}
