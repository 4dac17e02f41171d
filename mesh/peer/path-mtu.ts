/**
 * State machine of packetization-layer path-MTU discovery (RFC 8899) for one peer: events in, sizes to probe out. Sizes are
 * those of whole IP packets. The result decides where units are cut into datagrams, so a size that is too small costs speed
 * only.
 *
 * ```
 *   idle --start--> search: the cap first, then the common steps upwards until one fails
 *                     |  ^
 *          found, or  |  | black hole: the current size fails 3 times while the peer is heard (MTU := base)
 *          step fails v  | or 30 s, 60 s ... 10 minutes below the cap (MTU stays)
 *                   settled: a full-size probe every 15 s
 * ```
 */
import {
  BASE_MTU_BYTES,
  MTU_CONFIRM_MS,
  MTU_CONFIRM_TRY_MS,
  MTU_FIRST_RAISE_MS,
  MTU_RAISE_MS,
  MTU_STEPS_BYTES,
  MTU_TRIES,
  MTU_TRY_MS,
  PROBE_INTERVAL_MS,
} from '../limits.js';
import { UNKNOWN_PATH_MTU_BYTES } from '../../common/protocol.js';

export interface PathMtu {
  /** Upper bound of the search: the MTU of our own interface. */
  readonly capBytes: number;
  /** The size in use. */
  readonly mtuBytes: number;
  /** The largest size for which an answer came since the search began, or 0. */
  readonly verifiedBytes: number;
  /** From the end of a search below the cap to the next one. */
  readonly raiseAfterMs: number;
  readonly phase: MtuPhase;
}

export type MtuPhase =
  | { readonly name: 'idle' }
  /** `sizes` are left to try, the first of them is being tried. */
  | { readonly name: 'search'; readonly sizes: readonly number[]; readonly tries: number; readonly nextAtMs: number }
  | {
      readonly name: 'settled';
      readonly nextAtMs: number;
      readonly raiseAtMs: number;
      readonly tries: number;
      readonly firstTryMs: number;
    };

export type MtuEvent =
  /** The link came up, or its path changed: search anew. */
  | { readonly type: 'start' }
  /** The link is down. */
  | { readonly type: 'stop' }
  | { readonly type: 'answer'; readonly sizeBytes: number }
  /** The MTU of our own interface changed. */
  | { readonly type: 'cap'; readonly capBytes: number }
  /** The kernel refuses to send datagrams of the size in use. */
  | { readonly type: 'refused' }
  /** The link went stale: confirm the size in use at once. */
  | { readonly type: 'doubt' }
  | { readonly type: 'paused'; readonly gapMs: number }
  /** @param lastHeardMs when anything arrived from the peer; `roundTripMs` null if not yet known */
  | { readonly type: 'tick'; readonly lastHeardMs: number; readonly roundTripMs: number | null };

export interface MtuStep {
  readonly mtu: PathMtu;
  /** Size of a probe to send now, or null. */
  readonly probeBytes: number | null;
}

const IDLE: MtuPhase = { name: 'idle' };

/** @param knownBytes what an earlier search found for this path */
export function unknownPathMtu(capBytes: number, knownBytes = UNKNOWN_PATH_MTU_BYTES): PathMtu {
  return {
    capBytes,
    mtuBytes: Math.min(knownBytes, capBytes),
    verifiedBytes: 0,
    raiseAfterMs: MTU_FIRST_RAISE_MS,
    phase: IDLE,
  };
}

export function stepMtu(mtu: PathMtu, event: MtuEvent, nowMs: number): MtuStep {
  switch (event.type) {
    case 'start':
      return quiet(started(mtu, nowMs));
    case 'stop':
      return quiet(unknownPathMtu(mtu.capBytes));
    case 'answer':
      return quiet(answered(mtu, event.sizeBytes, nowMs));
    case 'cap':
      return quiet(capped(mtu, event.capBytes, nowMs));
    case 'refused':
      return quiet(mtu.phase.name === 'idle' ? mtu : search(lowered(mtu), nowMs));
    case 'doubt':
      return quiet(doubted(mtu, nowMs));
    case 'paused':
      return quiet(paused(mtu, event.gapMs));
    case 'tick':
      return tick(mtu, event.lastHeardMs, event.roundTripMs, nowMs);
  }
}

/** When a tick has something to do, or null. */
export function mtuPollAt({ phase, mtuBytes, capBytes }: PathMtu): number | null {
  if (phase.name === 'idle') return null;
  if (phase.name === 'search' || mtuBytes >= capBytes) return phase.nextAtMs;
  return Math.min(phase.nextAtMs, phase.raiseAtMs);
}

function quiet(mtu: PathMtu): MtuStep {
  return { mtu, probeBytes: null };
}

/** A restored size is used during the search; a size found for another path is not. */
function started(mtu: PathMtu, nowMs: number): PathMtu {
  return search(unknownPathMtu(mtu.capBytes, mtu.phase.name === 'idle' ? mtu.mtuBytes : undefined), nowMs);
}

/** What passed the path at a size up to the new cap passes still; above, it is searched. */
function capped(mtu: PathMtu, capBytes: number, nowMs: number): PathMtu {
  const within = (bytes: number): number => Math.min(bytes, capBytes);
  const next = { ...mtu, capBytes, mtuBytes: within(mtu.mtuBytes), verifiedBytes: within(mtu.verifiedBytes) };
  if (capBytes === mtu.capBytes || mtu.phase.name === 'idle') return next;
  return next.verifiedBytes >= capBytes ? settle(next, nowMs) : search(next, nowMs);
}

/** Starts a search above what is verified; settles at once when there is nothing above. */
function search(mtu: PathMtu, nowMs: number): PathMtu {
  const { capBytes, verifiedBytes } = mtu;
  const steps = MTU_STEPS_BYTES.filter((size) => size > verifiedBytes && size < capBytes);
  if (verifiedBytes >= capBytes) return settle(mtu, nowMs);
  return { ...mtu, phase: { name: 'search', sizes: [capBytes, ...steps], tries: 0, nextAtMs: nowMs } };
}

function settle(mtu: PathMtu, nowMs: number): PathMtu {
  const found = mtu.verifiedBytes === 0 ? Math.min(BASE_MTU_BYTES, mtu.capBytes) : mtu.verifiedBytes;
  const phase = {
    name: 'settled',
    nextAtMs: nowMs + MTU_CONFIRM_MS,
    raiseAtMs: nowMs + mtu.raiseAfterMs,
    tries: 0,
    firstTryMs: 0,
  };
  return { ...mtu, mtuBytes: found, phase: phase as MtuPhase };
}

function answered(mtu: PathMtu, sizeBytes: number, nowMs: number): PathMtu {
  const { phase } = mtu;
  if (phase.name === 'idle' || sizeBytes > mtu.capBytes || sizeBytes < BASE_MTU_BYTES) return mtu;
  const verifiedBytes = Math.max(mtu.verifiedBytes, sizeBytes);
  const grown = { ...mtu, verifiedBytes, mtuBytes: Math.max(mtu.mtuBytes, sizeBytes) };
  if (phase.name === 'settled') return confirmed(grown, phase, sizeBytes, nowMs);
  const sizes = phase.sizes.filter((size) => size > verifiedBytes);
  if (sizes.length === 0) return settle(grown, nowMs);
  if (sizes[0] === phase.sizes[0]) return { ...grown, phase: { ...phase, sizes } };
  return { ...grown, phase: { name: 'search', sizes, tries: 0, nextAtMs: nowMs } };
}

function confirmed(mtu: PathMtu, phase: MtuPhase & { name: 'settled' }, sizeBytes: number, nowMs: number): PathMtu {
  if (sizeBytes < mtu.mtuBytes) return mtu;
  return { ...mtu, phase: { ...phase, tries: 0, nextAtMs: nowMs + MTU_CONFIRM_MS } };
}

function doubted(mtu: PathMtu, nowMs: number): PathMtu {
  if (mtu.phase.name !== 'settled' || mtu.phase.tries > 0) return mtu;
  return { ...mtu, phase: { ...mtu.phase, nextAtMs: nowMs } };
}

function paused(mtu: PathMtu, gapMs: number): PathMtu {
  if (mtu.phase.name === 'idle') return mtu;
  return { ...mtu, phase: { ...mtu.phase, nextAtMs: mtu.phase.nextAtMs + gapMs } };
}

function tick(mtu: PathMtu, lastHeardMs: number, roundTripMs: number | null, nowMs: number): MtuStep {
  const { phase } = mtu;
  if (phase.name === 'search' && nowMs >= phase.nextAtMs) return trySize(mtu, phase, roundTripMs, nowMs);
  if (phase.name !== 'settled') return quiet(mtu);
  if (mtu.mtuBytes < mtu.capBytes && nowMs >= phase.raiseAtMs) {
    const raiseAfterMs = Math.min(2 * mtu.raiseAfterMs, MTU_RAISE_MS);
    return quiet(search({ ...mtu, verifiedBytes: mtu.mtuBytes, raiseAfterMs }, nowMs));
  }
  return nowMs >= phase.nextAtMs ? confirm(mtu, phase, lastHeardMs, nowMs) : quiet(mtu);
}

function trySize(
  mtu: PathMtu,
  phase: MtuPhase & { name: 'search' },
  roundTripMs: number | null,
  nowMs: number,
): MtuStep {
  const [size, ...rest] = phase.sizes;
  if (size === undefined) return quiet(settle(mtu, nowMs));
  if (phase.tries >= MTU_TRIES) return quiet(sizeFailed(mtu, size, rest, nowMs));
  const waitMs = Math.max(MTU_TRY_MS, 2 * (roundTripMs ?? 0));
  return { mtu: { ...mtu, phase: { ...phase, tries: phase.tries + 1, nextAtMs: nowMs + waitMs } }, probeBytes: size };
}

/** When even the interface's own MTU does not pass, the steps below it are tried; a failing step ends the search. */
function sizeFailed(mtu: PathMtu, size: number, rest: readonly number[], nowMs: number): PathMtu {
  if (size < mtu.capBytes || rest.length === 0) return settle(mtu, nowMs);
  return { ...mtu, phase: { name: 'search', sizes: rest, tries: 0, nextAtMs: nowMs } };
}

function confirm(mtu: PathMtu, phase: MtuPhase & { name: 'settled' }, lastHeardMs: number, nowMs: number): MtuStep {
  if (phase.tries < MTU_TRIES) {
    const firstTryMs = phase.tries === 0 ? nowMs : phase.firstTryMs;
    const next = { ...phase, tries: phase.tries + 1, firstTryMs, nextAtMs: nowMs + MTU_CONFIRM_TRY_MS };
    return { mtu: { ...mtu, phase: next }, probeBytes: mtu.mtuBytes };
  }
  if (lastHeardMs > phase.firstTryMs) {
    return quiet(search(lowered(mtu), nowMs));
  }
  // Nothing is heard at all: that is decided by the link's liveness, not here.
  return quiet({ ...mtu, phase: { ...phase, tries: 0, nextAtMs: nowMs + PROBE_INTERVAL_MS } });
}

/** Back to the size that every path takes. */
function lowered(mtu: PathMtu): PathMtu {
  const mtuBytes = Math.min(BASE_MTU_BYTES, mtu.capBytes);
  return { ...mtu, mtuBytes, verifiedBytes: 0, raiseAfterMs: MTU_FIRST_RAISE_MS };
}
