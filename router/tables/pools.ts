/**
 * Pools of fixed size in a forwarding thread that a large cluster may exhaust: size, and what happens beyond it. All sizes
 * follow from MAX_PEERS. Pools that only delay or displace (unit slots, incomplete units, events) have a drop reason instead.
 */
import { MAX_PEERS } from '../../common/protocol.js';
import { MAX_EXPANDED_KEYS, MAX_RECEIVE_CONTEXTS } from '../limits.js';

export const POOLS = {
  peers: { size: MAX_PEERS, effect: 'frames to further peers are dropped and counted as noRoute' },
  receiveContexts: {
    size: MAX_RECEIVE_CONTEXTS,
    effect: 'datagrams of further sessions and lanes are dropped and counted as noReceiveContext',
  },
  expandedKeys: {
    size: MAX_EXPANDED_KEYS,
    effect: 'further keys are used by OpenSSL, at about twice the CPU time for large units',
  },
} as const;

export type PoolName = keyof typeof POOLS;

/** Refusals by pool; pools that never refused are absent. */
export type Refusals = Readonly<Partial<Record<PoolName, number>>>;
