/** Views of the core's state for the agent and for reports to peers: snapshots without secrets. */
import type { CoreClock } from '../core-clock.js';
import type { Advert } from '../wire/advert.js';
import { isUsable, LINK_REASONS, linkReason } from '../peer/link.js';
import type { LinkReport } from '../wire/links-message.js';
import type { MemberView, RouteView } from '../mesh-io.js';
import type { OwnershipEntry } from './ownership-table.js';
import type { Peer } from '../peer/peer.js';
import type { PeerTable } from './peer-table.js';

/** @param relayReason why its path is relayed, or null */
export function memberView(peer: Peer, advert: Advert, relayReason: string | null, clock: CoreClock): MemberView {
  const { link } = peer;
  return {
    ...descriptionOf(advert),
    endpoint: peer.path.endpoint ?? advert.endpoints[0] ?? null,
    relay: peer.path.relay,
    relayReason,
    state: link.state,
    reason: linkReason(link),
    cipher: peer.sessions.active?.cipher ?? null,
    rttMs: peer.path.rttMs,
    mtuBytes: peer.isLinked ? peer.path.mtuBytes : null,
    sinceMs: clock.toCaller(link.sinceMs),
    lastHandshakeMs: peer.lastHandshakeMs === null ? null : clock.toCaller(peer.lastHandshakeMs),
  };
}

/** A member of which only the advert is known. @param sinceMs on the caller's clock */
export function idleView(advert: Advert, sinceMs: number): MemberView {
  return {
    ...descriptionOf(advert),
    endpoint: advert.endpoints[0] ?? null,
    relay: null,
    relayReason: null,
    state: 'idle',
    reason: LINK_REASONS.idle,
    ...{ cipher: null, rttMs: null, mtuBytes: null, sinceMs, lastHandshakeMs: null },
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
    isRelayed: peer.path.relay !== null,
  };
}

/** The ownership table with the usability of each route; this node's own CIDRs are always usable. */
export function routeViews(
  entries: readonly OwnershipEntry[],
  self: Advert,
  { peers, members }: Pick<PeerTable, 'peers' | 'members'>,
): RouteView[] {
  return entries.map(({ cidr, owner, conflict, conflictReason }) => {
    const peer = peers.get(owner);
    const advert = owner === self.id ? self : members.get(owner);
    const usable = peer === undefined || isUsable(peer.link);
    const ownerName = advert?.name ?? owner;
    return { cidr, owner, ownerName, conflict, conflictReason, podMtuBytes: advert?.podMtuBytes ?? null, usable };
  });
}

function descriptionOf(
  advert: Advert,
): Pick<MemberView, 'id' | 'name' | 'publicKey' | 'version' | 'podCidrs' | 'secretIds'> {
  const { id, name, identityKey: publicKey, version, podCidrs, secretIds } = advert;
  return { id, name, publicKey, version, podCidrs, secretIds };
}
