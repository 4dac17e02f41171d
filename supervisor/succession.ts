/**
 * Succession after a supervisor that was killed: its router forwards with its last tables and keys until the agent of this one
 * has taken its sessions over and the stand-by has loaded, so that the start of neither loses traffic.
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
  /** Whether this supervisor has taken its descriptors, so that a stand-by can load while it forwards. */
  readonly sharesDescriptors: boolean;
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
  /** Whether the next router has loaded, where it can before the predecessor ends. */
  readonly hasLoaded: () => boolean;
}

/** Resolves when the predecessor is gone. */
export async function succeed({ predecessor, clock, agentAnswers, hasLoaded }: SuccessionOptions): Promise<void> {
  const startedMs = clock.nowMs();
  let answeredMs: number | null = null;
  await new Promise<void>((resolve) => {
    const stop = every(clock, POLL_MS, () => {
      const nowMs = clock.nowMs();
      if (agentAnswers()) answeredMs ??= nowMs;
      const isConnected = answeredMs !== null && nowMs - answeredMs >= CONNECTS_WITHIN_MS;
      const isPrepared = isConnected && hasLoaded();
      if (predecessor.forwards() && !isPrepared && nowMs - startedMs < WITHIN_MS) return;
      stop();
      resolve();
    });
  });
  await predecessor.end();
}
