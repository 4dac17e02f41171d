/** What a forwarding thread tells the agent of single peers, of each at most once in WANTED_INTERVAL_MS. */
import type { ForwarderEvent } from './forwarder-messages.js';
import type { Peers } from './tables/peers.js';
import { ToldPeers } from './tables/told-peers.js';

type Origin = Pick<Extract<ForwarderEvent, { type: 'heardDirectly' }>, 'from' | 'local'>;

export class PeerNotices {
  readonly #told = { sessionWanted: new ToldPeers(), tooBig: new ToldPeers(), heardDirectly: new ToldPeers() };

  constructor(
    private readonly peers: Peers,
    private readonly emit: (event: ForwarderEvent) => void,
  ) {}

  /** Tells of these peers and empties the set. */
  tellOf(peers: Set<number>, type: 'sessionWanted' | 'tooBig', nowMs: number): void {
    for (const peer of peers) this.tell(peer, type, nowMs);
    peers.clear();
  }

  /** False when it was told a moment ago. */
  tell(peer: number, type: 'sessionWanted' | 'tooBig', nowMs: number): boolean {
    const id = this.peers.idOf(peer);
    if (id === undefined || !this.#told[type].isDue(peer, nowMs)) return false;
    this.emit({ type, peer: id });
    return true;
  }

  heardDirectly(peer: number, origin: () => Origin, nowMs: number): void {
    if (!this.#told.heardDirectly.isDue(peer, nowMs)) return;
    this.emit({ type: 'heardDirectly', peer: this.peers.idOf(peer)!, ...origin() });
  }
}
