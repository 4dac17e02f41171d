/** Details of the selected peer that the topology does not have (reason, counters, last handshake), requested on demand. */
import { effect, signal } from '@preact/signals';
import type { Peer } from '../../../common/api.js';
import { fetchPeer } from '../api-client.js';
import { linkKey, selfOf } from './mesh.js';
import { mesh, selection } from './store.js';

/** Peer at the other end of the selected link, or the selected node; null when it has no link to this node. */
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

/** Requested again on every snapshot, so that drawer and map show figures of the same time. */
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
