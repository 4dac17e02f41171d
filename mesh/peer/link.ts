/**
 * State machine of one link: whether the peer is reachable, by what is received from it.
 *
 * ```
 *                 established            silent 3 s            silent 6 s
 *    connecting -------------> up ----------------> stale ----------------> down
 *        |                      ^                     |                       ^
 *        |                      +------- heard -------+                       |
 *        +-------------------- no session after 10 s -------------------------+
 *
 *    From every state: established -> up; left -> down.
 *    resumed (the router held the sessions of an earlier process): stale -> up.
 *    blind (the router or the memory of this node was lost): up, stale -> stale for up to 10 s.
 * ```
 * Not here: probes and path (`peer-path.ts`), sessions (`peer-sessions.ts`).
 */
import { CONNECT_WITHIN_MS, DOWN_AFTER_MS, STALE_AFTER_MS, START_GRACE_MS } from '../limits.js';

export type Link =
  | { readonly state: 'connecting'; readonly sinceMs: number; readonly giveUpAtMs: number }
  | { readonly state: 'up'; readonly sinceMs: number; readonly lastHeardMs: number }
  | { readonly state: 'stale'; readonly sinceMs: number; readonly downAtMs: number; readonly reason: string }
  | { readonly state: 'down'; readonly sinceMs: number; readonly reason: string };

export type LinkEvent =
  /** A handshake has finished: a session works in both directions. */
  | { readonly type: 'established' }
  /** Something authentic arrived at `atMs`. */
  | { readonly type: 'heard'; readonly atMs: number }
  /** The peer cannot be heard for a reason on this node. */
  | { readonly type: 'blind'; readonly reason: string }
  /** The router holds sessions of an earlier process, for which the link was up since then. */
  | { readonly type: 'resumed'; readonly sinceMs: number }
  /** The peer said goodbye. */
  | { readonly type: 'left' }
  /** This process stood still for `gapMs`: the deadlines move by as much. */
  | { readonly type: 'paused'; readonly gapMs: number }
  | { readonly type: 'tick' };

export const LINK_REASONS = {
  connecting: 'handshake in progress',
  up: 'the peer answers',
  silent: `nothing heard for ${STALE_AFTER_MS / 1000} s`,
  dead: `nothing heard for ${DOWN_AFTER_MS / 1000} s`,
  unreachable: 'no answer to handshakes',
  left: 'left',
  cached: 'known from before the start, not heard yet',
  routerLost: 'our router was restarted',
} as const;

export function connectingLink(nowMs: number): Link {
  return { state: 'connecting', sinceMs: nowMs, giveUpAtMs: nowMs + CONNECT_WITHIN_MS };
}

/** Link to a member remembered from before the start: its routes are used for START_GRACE_MS without a session. */
export function cachedLink(nowMs: number): Link {
  return { state: 'stale', sinceMs: nowMs, downAtMs: nowMs + START_GRACE_MS, reason: LINK_REASONS.cached };
}

export function step(link: Link, event: LinkEvent, nowMs: number): Link {
  switch (event.type) {
    case 'established':
      return { state: 'up', sinceMs: link.state === 'up' ? link.sinceMs : nowMs, lastHeardMs: nowMs };
    case 'heard':
      return heard(link, event.atMs, nowMs);
    case 'blind':
      return blind(link, event.reason, nowMs);
    case 'resumed':
      return link.state === 'stale' ? { state: 'up', sinceMs: event.sinceMs, lastHeardMs: nowMs } : link;
    case 'left':
      return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.left };
    case 'paused':
      return paused(link, event.gapMs);
    case 'tick':
      return tick(link, nowMs);
  }
}

/** When a tick would change the link, or null. */
export function linkPollAt(link: Link): number | null {
  switch (link.state) {
    case 'connecting':
      return link.giveUpAtMs;
    case 'up':
      return link.lastHeardMs + STALE_AFTER_MS;
    case 'stale':
      return link.downAtMs;
    case 'down':
      return null;
  }
}

/** Whether frames are forwarded to the peer. */
export function isUsable(link: Link): boolean {
  return link.state === 'up' || link.state === 'stale';
}

export function linkReason(link: Link): string {
  return link.state === 'stale' || link.state === 'down' ? link.reason : LINK_REASONS[link.state];
}

/** In `connecting` and `down` there is no session: what was received belongs to an earlier one. */
function heard(link: Link, atMs: number, nowMs: number): Link {
  if (link.state === 'up') return { ...link, lastHeardMs: Math.max(link.lastHeardMs, Math.min(atMs, nowMs)) };
  if (link.state !== 'stale' || nowMs - atMs >= STALE_AFTER_MS) return link;
  return { state: 'up', sinceMs: nowMs, lastHeardMs: Math.min(atMs, nowMs) };
}

function blind(link: Link, reason: string, nowMs: number): Link {
  if (link.state === 'connecting') return connectingLink(nowMs);
  if (link.state === 'down') return link;
  return { state: 'stale', sinceMs: nowMs, downAtMs: nowMs + START_GRACE_MS, reason };
}

function paused(link: Link, gapMs: number): Link {
  if (link.state === 'connecting') return { ...link, giveUpAtMs: link.giveUpAtMs + gapMs };
  if (link.state === 'up') return { ...link, lastHeardMs: link.lastHeardMs + gapMs };
  if (link.state === 'stale') return { ...link, downAtMs: link.downAtMs + gapMs };
  return link;
}

function tick(link: Link, nowMs: number): Link {
  const dueMs = linkPollAt(link);
  if (dueMs === null || nowMs < dueMs) return link;
  if (link.state === 'connecting') return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.unreachable };
  if (link.state === 'stale') return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.dead };
  if (link.state !== 'up') return link;
  const downAtMs = Math.max(nowMs + 1, link.lastHeardMs + DOWN_AFTER_MS);
  return { state: 'stale', sinceMs: nowMs, downAtMs, reason: LINK_REASONS.silent };
}
