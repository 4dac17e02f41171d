/**
 * Whether what the page shows is fresh: a pure state machine over what happens to the event stream.
 *
 *            event                 silence, failure
 *  opening --------> live ----------------------------> stale --event--> live
 *     |    failure                                        ^
 *     +---------------------------------------------------+
 *
 * Times are wall-clock milliseconds, for the page shows them.
 */

/** The agent sends at least every two seconds; after three missed ones the page must not look fresh. */
export const SILENCE_MS = 6_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 10_000;

export type Connection =
  | { readonly phase: 'opening' }
  | { readonly phase: 'live'; readonly lastEventMs: number }
  | {
      readonly phase: 'stale';
      /** The last event, or when the page was opened if there was none. */
      readonly sinceMs: number;
      readonly why: string;
      /** Attempts since the stream was lost. */
      readonly attempts: number;
    };

export type ConnectionEvent =
  { readonly type: 'event' } | { readonly type: 'failed'; readonly why: string } | { readonly type: 'tick' };

export function stepConnection(state: Connection, event: ConnectionEvent, nowMs: number): Connection {
  switch (event.type) {
    case 'event':
      return { phase: 'live', lastEventMs: nowMs };
    case 'failed':
      return fail(state, event.why, nowMs);
    case 'tick':
      if (state.phase !== 'live' || nowMs - state.lastEventMs < SILENCE_MS) return state;
      return { phase: 'stale', sinceMs: state.lastEventMs, why: 'the agent has gone quiet', attempts: 0 };
  }
}

function fail(state: Connection, why: string, nowMs: number): Connection {
  switch (state.phase) {
    case 'opening':
      return { phase: 'stale', sinceMs: nowMs, why, attempts: 1 };
    case 'live':
      return { phase: 'stale', sinceMs: state.lastEventMs, why, attempts: 1 };
    case 'stale':
      return { ...state, why, attempts: state.attempts + 1 };
  }
}

/** How long to wait before the next attempt: doubling, at most ten seconds. */
export function retryDelayMs(state: Connection): number {
  const attempts = state.phase === 'stale' ? state.attempts : 0;
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1));
}
