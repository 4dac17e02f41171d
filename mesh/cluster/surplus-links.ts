/** Data links beyond MAX_DATA_LINKS: those without a frame for the longest time. Looked for when another link is there. */
import { MAX_DATA_LINKS } from '../limits.js';
import type { Peer } from '../peer/peer.js';

/** What the order follows from. */
export type LinkedPeer = Pick<Peer, 'isLinked' | 'isNeighbour' | 'lastTrafficMs'>;

export class SurplusLinks {
  #hasGrown = false;

  /** A link is up. */
  grew(): void {
    this.#hasGrown = true;
  }

  /** Links that are to be closed, if one is up since the last call. */
  take<Of extends LinkedPeer>(peers: ReadonlyMap<unknown, Of>): readonly Of[] {
    if (!this.#hasGrown) return [];
    this.#hasGrown = false;
    // A link has a peer, so that few peers are few links.
    if (peers.size <= MAX_DATA_LINKS) return [];
    const links = Array.from(peers.values()).filter((peer) => peer.isLinked && !peer.isNeighbour);
    if (links.length <= MAX_DATA_LINKS) return [];
    links.sort((a, b) => a.lastTrafficMs - b.lastTrafficMs);
    return links.slice(0, links.length - MAX_DATA_LINKS);
  }
}
