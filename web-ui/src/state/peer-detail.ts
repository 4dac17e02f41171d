/** What the topology does not tell of a peer (reason, counters, last handshake), asked for while someone looks at it. */
import { effect, signal } from '@preact/signals';
import type { Peer } from '../../../common/api.js';
import { fetchPeer } from '../api-client.js';
import { linkKey, selfOf } from './mesh.js';
import { mesh, selection } from './store.js';

/** The peer at the other end of what is selected, or null when that is not a link of this node. */
export const peerDetail = signal<Peer | null>(null);

export function startPeerDetail(): void {
  effect(() => {
    const id = wantedPeer();
    if (id === null) {
      peerDetail.value = null;
      return undefined;
    }
    const abort = new AbortController();
    void fetchPeer(id, abort.signal).then((peer) => {
      if (!abort.signal.aborted) peerDetail.value = peer;
    });
    return () => abort.abort();
  });
}

/** Read anew with every snapshot, so that the figures in the drawer move with those on the map. */
function wantedPeer(): string | null {
  const chosen = selection.value;
  const known = mesh.value;
  const self = known === null ? undefined : selfOf(known);
  if (known === null || self === undefined) return null;
  if (chosen.kind === 'node') return chosen.id === self.id ? null : chosen.id;
  if (chosen.kind === 'none' || !known.linkByKey.has(linkKey(chosen.a, chosen.b))) return null;
  if (chosen.a === self.id) return chosen.b;
  return chosen.b === self.id ? chosen.a : null;
}
