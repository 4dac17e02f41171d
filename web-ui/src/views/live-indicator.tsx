/** Indicator of freshness: a small mark while data is live, a banner while it is stale. */
import { formatClock, formatDuration } from '../format.js';
import { retryNow } from '../state/live-feed.js';
import { connection, nowMs } from '../state/store.js';
import { WarningIcon } from '../ui/icons.js';

const WORDS = { opening: 'Connecting', live: 'Live', stale: 'Stale' } as const;

export function LiveIndicator() {
  const { phase } = connection.value;
  return (
    <span class={`live is-${phase}`} role="status">
      <span class="live-dot" aria-hidden="true" />
      {WORDS[phase]}
    </span>
  );
}

export function StaleBanner() {
  const now = connection.value;
  if (now.phase !== 'stale') return null;
  return (
    <div class="stale-banner" role="alert">
      <WarningIcon />
      <span>
        <strong>Stale since {formatClock(now.sinceMs)}</strong> ({formatDuration(nowMs.value - now.sinceMs)}): {now.why}
        . What you see may no longer be true; trying again.
      </span>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}
