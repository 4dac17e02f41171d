/** Polling for a condition. */
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError, messageOf } from '../../../common/errors.js';

const INTERVAL_MS = 100;

/**
 * Resolves with the first value of `look` that is not null, undefined or false. An exception counts as "not yet"; the
 * {@link DemoError} after the timeout has its message.
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
    if (performance.now() >= deadlineMs)
      throw new DemoError(`${what}: not reached within ${timeoutMs / 1000} s${reason}`);
    await delay(INTERVAL_MS);
  }
}
