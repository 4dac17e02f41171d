/**
 * State machine of one link: whether the peer is reachable, by what is received from it.
 *
 * ```
 *                 established            silent 3 s            silent 6 s
 *    connecting -------------> up ----------------> stale ----------------> down
 *     ^  |                      ^                     |                       ^
 *     |  |                      +------- heard -------+                       |
 *     |  +-------------------- no session after 10 s -------------------------+
 *     | wanted
 *    idle: no link, and nothing known against the peer
 *
 *    From every state: established -> up; left -> down; closed -> idle.
 *    reported (others heard nothing of the peer): idle, connecting, stale -> down; up too when it is quiet.
 *    resumed (the router held the sessions of an earlier process): stale -> up.
 *    blind (the router or the memory of this node was lost): up, stale -> stale for up to 10 s.
 * ```
 * Not here: probes and path (`peer-path.ts`), sessions (`peer-sessions.ts`).
 */
import { CONNECT_WITHIN_MS, DOWN_AFTER_MS, STALE_AFTER_MS, START_GRACE_MS } from '../limits.js';

export type Link =
  /** No link: the first frame, or becoming a neighbour, makes one. */
  | { readonly state: 'idle'; readonly sinceMs: number }
  | {
      readonly state: 'connecting';
      readonly sinceMs: number;
      readonly giveUpAtMs: number;
      /** The link was wanted while nothing was known against the peer: frames are forwarded and wait. */
      readonly wasIdle: boolean;
    }
  /** {@link hear} moves `lastHeardMs` on. */
  | { readonly state: 'up'; readonly sinceMs: number; lastHeardMs: number }
  | { readonly state: 'stale'; readonly sinceMs: number; readonly downAtMs: number; readonly reason: string }
  | { readonly state: 'down'; readonly sinceMs: number; readonly reason: string };

export type LinkEvent =
  /** A handshake has finished: a session works in both directions. */
  | { readonly type: 'established' }
  /** Something authentic arrived at `atMs`. */
  | { readonly type: 'heard'; readonly atMs: number }
  /** A link to the peer is needed. */
  | { readonly type: 'wanted' }
  /** No link to the peer is needed, or what was known against it is void. */
  | { readonly type: 'closed' }
  /** Others heard nothing of the peer. `isQuiet`: neither did this node ask it anything. */
  | { readonly type: 'reported'; readonly isQuiet: boolean }
  /** The peer cannot be heard for a reason on this node. */
  | { readonly type: 'blind'; readonly reason: string }
  /** The router holds sessions of an earlier process, for which the link was up since then. */
  | { readonly type: 'resumed'; readonly sinceMs: number }
  /** The peer said goodbye. */
  | { readonly type: 'left' }
  /** This process stood still for `gapMs`: the deadlines move by as much. */
  | { readonly type: 'paused'; readonly gapMs: number }
  /** `graceMs`: how much later than usual the link goes down. */
  | { readonly type: 'tick'; readonly graceMs?: number };

export const LINK_REASONS = {
  idle: 'no link: the first frame makes one',
  connecting: 'handshake in progress',
  up: 'the peer answers',
  silent: `nothing heard for ${STALE_AFTER_MS / 1000} s`,
  dead: `nothing heard for ${DOWN_AFTER_MS / 1000} s`,
  unreachable: 'no answer to handshakes',
  left: 'left',
  reported: 'its neighbours heard nothing of it',
  cached: 'known from before the start, not heard yet',
  routerLost: 'our router was restarted',
} as const;

export function idleLink(nowMs: number): Link {
  return { state: 'idle', sinceMs: nowMs };
}

export function connectingLink(nowMs: number, wasIdle = false): Link {
  return { state: 'connecting', sinceMs: nowMs, giveUpAtMs: nowMs + CONNECT_WITHIN_MS, wasIdle };
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
    case 'wanted':
      return link.state === 'idle' ? connectingLink(nowMs, true) : link;
    case 'closed':
      return link.state === 'idle' ? link : idleLink(nowMs);
    case 'reported':
      return reported(link, event.isQuiet, nowMs);
    case 'blind':
      return blind(link, event.reason, nowMs);
    case 'resumed':
      return link.state === 'stale' || link.state === 'idle'
        ? { state: 'up', sinceMs: event.sinceMs, lastHeardMs: nowMs }
        : link;
    case 'left':
      return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.left };
    case 'paused':
      return paused(link, event.gapMs);
    case 'tick':
      return tick(link, event.graceMs ?? 0, nowMs);
  }
}

/**
 * Takes what most events are: something was heard on a link that is up. It only moves `lastHeardMs` on, so the link stays the same
 * object, as `heard` in {@link step} would make an equal one. False in another state: nothing was done.
 */
export function hear(link: Link, atMs: number, nowMs: number): boolean {
  if (link.state !== 'up') return false;
  link.lastHeardMs = Math.max(link.lastHeardMs, Math.min(atMs, nowMs));
  return true;
}

/** When a tick with this grace would change the link, or null. */
export function linkPollAt(link: Link, graceMs = 0): number | null {
  switch (link.state) {
    case 'connecting':
      return link.giveUpAtMs + graceMs;
    case 'up':
      return link.lastHeardMs + STALE_AFTER_MS;
    case 'stale':
      return link.downAtMs + graceMs;
    case 'idle':
    case 'down':
      return null;
  }
}

/** Whether the peer, which was heard, is silent. */
export function isSilent(link: Link): boolean {
  return link.state === 'stale' && link.reason === LINK_REASONS.silent;
}

/** Whether this node itself found the peer dead. */
export function isDead(link: Link): boolean {
  return link.state === 'down' && link.reason === LINK_REASONS.dead;
}

/** Whether there is a link that carries something. */
export function isCarrying(link: Link): boolean {
  return link.state === 'up' || link.state === 'stale';
}

/** Whether frames are forwarded to the peer; without a session they wait for one. */
export function isUsable(link: Link): boolean {
  return link.state === 'idle' || isCarrying(link) || (link.state === 'connecting' && link.wasIdle);
}

export function linkReason(link: Link): string {
  return link.state === 'stale' || link.state === 'down' ? link.reason : LINK_REASONS[link.state];
}

function reported(link: Link, isQuiet: boolean, nowMs: number): Link {
  if (link.state === 'down' || (link.state === 'up' && !isQuiet)) return link;
  return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.reported };
}

/** In `idle`, `connecting` and `down` there is no session: what was received belongs to an earlier one. */
function heard(link: Link, atMs: number, nowMs: number): Link {
  const next = { ...link };
  if (hear(next, atMs, nowMs)) return next;
  if (link.state !== 'stale' || nowMs - atMs >= STALE_AFTER_MS) return link;
  return { state: 'up', sinceMs: nowMs, lastHeardMs: Math.min(atMs, nowMs) };
}

function blind(link: Link, reason: string, nowMs: number): Link {
  if (link.state === 'connecting') return connectingLink(nowMs, link.wasIdle);
  if (link.state === 'down' || link.state === 'idle') return link;
  return { state: 'stale', sinceMs: nowMs, downAtMs: nowMs + START_GRACE_MS, reason };
}

function paused(link: Link, gapMs: number): Link {
  if (link.state === 'connecting') return { ...link, giveUpAtMs: link.giveUpAtMs + gapMs };
  if (link.state === 'up') return { ...link, lastHeardMs: link.lastHeardMs + gapMs };
  if (link.state === 'stale') return { ...link, downAtMs: link.downAtMs + gapMs };
  return link;
}

function tick(link: Link, graceMs: number, nowMs: number): Link {
  const dueMs = linkPollAt(link, graceMs);
  if (dueMs === null || nowMs < dueMs) return link;
  if (link.state === 'connecting') return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.unreachable };
  if (link.state === 'stale') return { state: 'down', sinceMs: nowMs, reason: LINK_REASONS.dead };
  if (link.state !== 'up') return link;
  const downAtMs = Math.max(nowMs + 1, link.lastHeardMs + DOWN_AFTER_MS);
  return { state: 'stale', sinceMs: nowMs, downAtMs, reason: LINK_REASONS.silent };
}
