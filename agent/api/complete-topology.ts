/**
 * Wait for the reports of other nodes, so that the first answer about the topology is as complete as a later one. A node
 * that does not report in time is left out.
 */
import { systemClock } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import type { ApiSource } from './api-source.js';

/** Bound of the wait: reports come within a round trip. */
export const COMPLETE_WITHIN_MS = 1_000;

/** Resolves when the topology is complete, at the latest after {@link COMPLETE_WITHIN_MS}. */
export function topologyCompletes(source: ApiSource, clock: Clock = systemClock): Promise<void> {
  if (source.topologyIsComplete()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      leave();
      resolve();
    };
    const cancel = clock.after(COMPLETE_WITHIN_MS, end);
    const leave = source.onChange(() => {
      if (source.topologyIsComplete()) end();
    });
  });
}
