/** Need of a relay: from when on a peer that does not answer directly is sought through one. Pure. */
import { DIAL_DOWN_MS, DOWN_AFTER_MS } from '../limits.js';
import { RELAY_FRAMES_AFTER_MS, RELAY_NEIGHBOUR_AFTER_MS, RELAY_SILENT_AFTER_MS } from '../relay-limits.js';
import { isSilent } from './link.js';
import type { Link } from './link.js';

/** What the need follows from. */
export interface SoughtPeer {
  readonly link: Link;
  readonly isNeighbour: boolean;
  /** It said goodbye, or its neighbours found it dead. */
  readonly hasLeft: boolean;
  readonly isReported: boolean;
  /** Since when frames leave on a link that is up, and nothing is heard. */
  readonly unanswered: { readonly sinceMs: number | null };
  framesWait(nowMs: number): boolean;
}

/** Infinity: none is needed. @param isRelayed whether the path goes through a relay, which does not work then */
export function relayNeededAtMs(peer: SoughtPeer, isRelayed: boolean, nowMs: number): number {
  const { sinceMs } = peer.unanswered;
  const unansweredMs = sinceMs === null ? Infinity : sinceMs + RELAY_FRAMES_AFTER_MS;
  return Math.min(unansweredMs, neededByLinkMs(peer, isRelayed, nowMs));
}

function neededByLinkMs(peer: SoughtPeer, isRelayed: boolean, nowMs: number): number {
  const { link } = peer;
  switch (link.state) {
    case 'idle':
    case 'up':
      return Infinity;
    case 'connecting':
      return unmetNeedMs(peer, nowMs);
    case 'stale': {
      if (!isSilent(link)) return unmetNeedMs(peer, nowMs);
      return isRelayed ? link.sinceMs : link.downAtMs - DOWN_AFTER_MS + RELAY_SILENT_AFTER_MS;
    }
    case 'down': {
      const isGone = peer.hasLeft || peer.isReported;
      const isSought = peer.isNeighbour || nowMs - link.sinceMs < DIAL_DOWN_MS;
      return isSought && !isGone ? link.sinceMs : Infinity;
    }
  }
}

/** There is no session to send with. */
function unmetNeedMs(peer: SoughtPeer, nowMs: number): number {
  if (peer.framesWait(nowMs)) return peer.link.sinceMs + RELAY_FRAMES_AFTER_MS;
  return peer.isNeighbour ? peer.link.sinceMs + RELAY_NEIGHBOUR_AFTER_MS : Infinity;
}
