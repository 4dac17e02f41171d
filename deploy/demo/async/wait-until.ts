/** Polls for a condition of the outside world that nobody announces. */
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError, messageOf } from '../../../common/errors.js';

const INTERVAL_MS = 100;

/**
 * Resolves with the first value that is not null, undefined or false. A throwing `look` counts as "not yet"; its last
 * message is in the {@link DemoError} thrown when the time is over.
 */
export async function waitUntil<T>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | null | undefined | false>,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let reason = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
      reason = '';
    } catch (thrown) {
      reason = ` (${messageOf(thrown)})`;
    }
    if (performance.now() >= deadlineMs) throw new DemoError(`${what}: not within ${timeoutMs / 1000} s${reason}`);
    await delay(INTERVAL_MS);
  }
}
