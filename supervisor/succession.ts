/**
 * Succession after a supervisor that was killed, or hands over: its router forwards with its last tables and keys until the agent
 * of this one has taken its sessions over and the stand-by has loaded, so that the start of neither loses traffic.
 */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';

const POLL_MS = 50;

/** Router of an earlier supervisor. */
export interface Predecessor {
  /** Whether this supervisor has taken its descriptors, so that a stand-by can load while it forwards. */
  readonly sharesDescriptors: boolean;
  /** How long its end is put off at most. */
  readonly waitsMs: number;
  /** False when it has ended, or is stopped. */
  forwards(): boolean;
  /** Kills it; resolves when it is gone. */
  end(): Promise<void>;
}

export interface SuccessionOptions {
  readonly predecessor: Predecessor;
  readonly clock: Clock;
  /** Whether the agent of this supervisor has started, and has the predecessor's sessions. */
  readonly agentRuns: () => boolean;
  /** Whether the next router has loaded, where it can before the predecessor ends. */
  readonly hasLoaded: () => boolean;
}

/** Resolves when the predecessor is gone. */
export async function succeed({ predecessor, clock, agentRuns, hasLoaded }: SuccessionOptions): Promise<void> {
  const startedMs = clock.nowMs();
  await new Promise<void>((resolve) => {
    const stop = every(clock, POLL_MS, () => {
      const isPrepared = agentRuns() && hasLoaded();
      if (predecessor.forwards() && !isPrepared && clock.nowMs() - startedMs < predecessor.waitsMs) return;
      stop();
      resolve();
    });
  });
  await predecessor.end();
}
