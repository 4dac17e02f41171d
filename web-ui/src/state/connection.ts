/**
 * State machine of the event stream, which decides whether the data on the page is fresh. Pure.
 *
 *            event                 silence, failure
 *  opening --------> live ----------------------------> stale --event--> live
 *     |    failure                                        ^
 *     +---------------------------------------------------+
 *
 * Times are wall-clock milliseconds, since the page shows them.
 */

/** Three missed events; the agent sends one at least every two seconds. */
export const SILENCE_MS = 6_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 10_000;

export type Connection =
  | { readonly phase: 'opening' }
  | { readonly phase: 'live'; readonly lastEventMs: number }
  | {
      readonly phase: 'stale';
      /** Time of the last event, or of the opening of the page without one. */
      readonly sinceMs: number;
      readonly why: string;
      /** Attempts since the end of the stream. */
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
      return { phase: 'stale', sinceMs: state.lastEventMs, why: 'the agent sends no events', attempts: 0 };
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

/** Delay before the next attempt: doubles, at most ten seconds. */
export function retryDelayMs(state: Connection): number {
  const attempts = state.phase === 'stale' ? state.attempts : 0;
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1));
}
