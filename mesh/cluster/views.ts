/** Views of the core's state for the agent and for reports to peers: snapshots without secrets. */
import type { NodeId } from '../../common/node-id.js';
import type { CoreClock } from '../core-clock.js';
import type { Advert } from '../wire/advert.js';
import { isUsable, linkReason } from '../peer/link.js';
import type { LinkReport } from '../wire/links-message.js';
import type { MemberView, RouteView } from '../mesh-io.js';
import type { OwnershipEntry } from './ownership-table.js';
import type { Peer } from '../peer/peer.js';

/** Null for a peer without an advert, known only from the router's sessions. */
export function memberView(peer: Peer, clock: CoreClock): MemberView | null {
  const { advert, link } = peer;
  if (advert === null) return null;
  return {
    id: peer.id,
    name: advert.name,
    publicKey: advert.identityKey,
    version: advert.version,
    podCidrs: advert.podCidrs,
    secretIds: advert.secretIds,
    endpoint: peer.path.endpoint ?? advert.endpoints[0] ?? null,
    state: link.state,
    reason: linkReason(link),
    cipher: peer.sessions.active?.cipher ?? null,
    rttMs: peer.path.rttMs,
    mtuBytes: peer.isLinked ? peer.path.mtuBytes : null,
    sinceMs: clock.toCaller(link.sinceMs),
    lastHandshakeMs: peer.lastHandshakeMs === null ? null : clock.toCaller(peer.lastHandshakeMs),
  };
}

/** The link to a peer, for a links message. */
export function linkReport(peer: Peer): LinkReport {
  return {
    peer: peer.id,
    state: peer.link.state,
    rttMs: peer.path.rttMs,
    mtuBytes: peer.path.mtuBytes,
    txBytes: peer.counters?.txBytes ?? 0,
    rxBytes: peer.counters?.rxBytes ?? 0,
    cipher: peer.sessions.active?.cipher ?? null,
  };
}

/** The ownership table with the usability of each route; this node's own CIDRs are always usable. */
export function routeViews(
  entries: readonly OwnershipEntry[],
  self: Advert,
  peers: ReadonlyMap<NodeId, Peer>,
): RouteView[] {
  return entries.map(({ cidr, owner, conflict, conflictReason }) => {
    const peer = peers.get(owner);
    const advert = owner === self.id ? self : (peer?.advert ?? null);
    const usable = owner === self.id || (peer !== undefined && isUsable(peer.link));
    const ownerName = advert?.name ?? owner;
    return { cidr, owner, ownerName, conflict, conflictReason, podMtuBytes: advert?.podMtuBytes ?? null, usable };
  });
}
