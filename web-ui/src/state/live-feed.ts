/** Live feed: keeps the event stream open, reconnects after a failure or silence, and writes events to the store. */
import { openStream } from '../api-client.js';
import { retryDelayMs, stepConnection } from './connection.js';
import type { ConnectionEvent } from './connection.js';
import { connection, status, takeTopology } from './store.js';

const TICK_MS = 1_000;

let closeStream: () => void = () => undefined;
let retryTimer: ReturnType<typeof setTimeout> | undefined;

export function startLiveFeed(): void {
  connect();
  setInterval(() => {
    const before = connection.value;
    step({ type: 'tick' });
    if (before.phase === 'live' && connection.value.phase === 'stale') retryLater();
  }, TICK_MS);
}

/** Connects at once instead of after the delay. */
export function retryNow(): void {
  connect();
}

function connect(): void {
  clearTimeout(retryTimer);
  closeStream();
  closeStream = openStream({
    status(next) {
      status.value = next;
      step({ type: 'event' });
    },
    topology(next) {
      takeTopology(next);
      step({ type: 'event' });
    },
    failed(why) {
      step({ type: 'failed', why });
      retryLater();
    },
  });
}

function retryLater(): void {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, retryDelayMs(connection.value));
}

function step(event: ConnectionEvent): void {
  connection.value = stepConnection(connection.value, event, Date.now());
}
