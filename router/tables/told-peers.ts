/** When the agent was last told something of each peer, so that it is told at most once in WANTED_INTERVAL_MS. */
import { MAX_PEERS } from '../../common/protocol.js';
import { WANTED_INTERVAL_MS } from '../limits.js';

export class ToldPeers {
  readonly #toldMs = new Float64Array(MAX_PEERS + 1).fill(-WANTED_INTERVAL_MS);

  /** Whether the agent is to be told of the peer now; it is taken for told then. */
  isDue(peer: number, nowMs: number): boolean {
    if (nowMs - this.#toldMs[peer]! < WANTED_INTERVAL_MS) return false;
    this.#toldMs[peer] = nowMs;
    return true;
  }
}
