/** Log of exhausted pools: the first time that a pool is reported as exhausted there is a warning, and no further one. */
import type { Logger } from '../../common/log.js';
import type { PoolName, Refusals } from '../tables/pools.js';
import { POOLS } from '../tables/pools.js';

export class PoolLog {
  /** Bounded by the number of pools. */
  readonly #warned = new Set<PoolName>();

  constructor(private readonly log: Logger) {}

  note(refusals: Refusals): void {
    for (const pool of Object.keys(refusals) as PoolName[]) {
      if (this.#warned.has(pool)) continue;
      this.#warned.add(pool);
      this.log.warn({ pool, ...POOLS[pool], refusals: refusals[pool] }, 'a pool of the router is exhausted');
    }
  }
}
