/** TAP queues of a router with one lane over these descriptors. */
import { IndirectionTable } from '../inside/indirection-table.js';
import { TapQueues } from '../inside/tap-queues.js';
import type { Arena } from '../kernel/arena.js';

export function queuesOf(arena: Arena, fds: readonly number[]): TapQueues {
  const shape = { lanes: 1, queuesPerLane: fds.length };
  const indirection = new IndirectionTable(IndirectionTable.createMemory(shape), shape, 0);
  return new TapQueues(arena, fds, { first: 0, count: fds.length }, indirection);
}
