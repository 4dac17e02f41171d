/**
 * Succession after a supervisor that was killed, or hands over: its router forwards with its last tables and keys until the agent
 * of this one has taken its sessions over and the stand-by has loaded, so that the start of neither loses traffic. Then the next
 * router asks it for its state, with which it ends (ADR 0037). One that gives none is killed before the next one starts.
 */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';

const POLL_MS = 50;
/** 40 to 50 ms until the next router asks, and some more for its answer. */
const GIVES_WITHIN_MS = 2_000;

/** Router of an earlier supervisor. */
export interface Predecessor {
  /** Whether this supervisor has taken its descriptors, so that a stand-by can load while it forwards. */
  readonly sharesDescriptors: boolean;
  /** How long its end is put off at most. */
  readonly waitsMs: number;
  /** Whether it gives its state to the next router, and ends by that. */
  givesState(): Promise<boolean>;
  /** Opens the TAP before it ends: the interface then stays, with its place in the bridge. */
  keepTap(): void;
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
  /** Makes the next router forward. */
  readonly startNext: () => void;
}

/** Resolves when the predecessor is gone and the next router was started. */
export async function succeed(options: SuccessionOptions): Promise<void> {
  const { predecessor, agentRuns, hasLoaded, startNext } = options;
  await waitWhile(options, predecessor.waitsMs, () => predecessor.forwards() && !(agentRuns() && hasLoaded()));
  predecessor.keepTap();
  // An agent that starts later finds the sessions in the next router.
  const givesState = predecessor.sharesDescriptors && hasLoaded() && (await predecessor.givesState());
  if (givesState) {
    startNext();
    await waitWhile(options, GIVES_WITHIN_MS, () => predecessor.forwards());
  }
  await predecessor.end();
  if (!givesState) startNext();
}

function waitWhile({ clock }: SuccessionOptions, atMostMs: number, waits: () => boolean): Promise<void> {
  const startedMs = clock.nowMs();
  return new Promise((resolve) => {
    const stop = every(clock, POLL_MS, () => {
      if (waits() && clock.nowMs() - startedMs < atMostMs) return;
      stop();
      resolve();
    });
  });
}
