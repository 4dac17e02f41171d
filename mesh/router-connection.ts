/**
 * Connection to the router as the core sees it: which router process it is, whether it is connected, which ciphers it has.
 * When it connects, peers and handshakes are brought in line with the sessions that it holds.
 */
import type { CipherName } from '../common/router-port.js';
import type { PeerTable } from './cluster/peer-table.js';
import type { Relaying } from './cluster/relaying.js';
import type { Revocations } from './cluster/revocations.js';
import type { Seeds } from './cluster/seeds.js';
import type { Handshakes } from './handshake/handshakes.js';
import type { MeshEffect, MeshEvent } from './mesh-io.js';
import { LINK_REASONS } from './peer/link.js';
import type { Peer } from './peer/peer.js';

/**
 * After a router restart so many peers are dialled at once, then as many again. Most of them may be dead, and a live one for
 * which frames wait is dialled when the router says so.
 */
const DIALS_AT_ONCE = 16;
const DIALS_APART_MS = 50;

type RouterConnected = Extract<MeshEvent, { type: 'routerConnected' }>;

export interface RouterConnectionDeps {
  readonly peerTable: PeerTable;
  readonly handshakes: Handshakes;
  readonly seeds: Seeds;
  readonly revocations: Revocations;
  readonly relaying: Relaying;
  readonly emit: (effect: MeshEffect) => void;
}

export class RouterConnection {
  #instance: string | null = null;
  #isUp = false;
  #downSinceMs = 0;
  #ciphers: readonly CipherName[] = ['chacha20-poly1305'];
  #keepsEarly = false;

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether a router was ever connected; before that, all members are remembered from an earlier process. */
  get hasBeenUp(): boolean {
    return this.#instance !== null;
  }

  get ciphers(): readonly CipherName[] {
    return this.#ciphers;
  }

  /** Whether it keeps datagrams of a session that is announced to it (ADR 0046). */
  get keepsEarly(): boolean {
    return this.#keepsEarly;
  }

  connected(event: RouterConnected, deps: RouterConnectionDeps, nowMs: number): void {
    const before = this.#instance;
    this.#isUp = true;
    this.#instance = event.instance;
    this.#ciphers = event.ciphers;
    this.#keepsEarly = event.earlyFrames ?? false;
    deps.peerTable.routesWanted();
    // Before the paths, which go through channels.
    deps.relaying.routerConnected(event.relaying ?? null, before === null, nowMs);
    if (event.instance === before) return reconcile(event, nowMs - this.#downSinceMs, deps, nowMs);
    replace(event, before === null ? LINK_REASONS.cached : LINK_REASONS.routerLost, deps, nowMs);
  }

  disconnected(nowMs: number): void {
    this.#isUp = false;
    this.#downSinceMs = nowMs;
  }
}

/** Another router: it holds at most sessions from before this process started, and carries no handshake of ours. */
function replace(event: RouterConnected, reason: string, deps: RouterConnectionDeps, nowMs: number): void {
  const { peerTable, handshakes, seeds } = deps;
  handshakes.clear();
  seeds.restart(nowMs);
  let dials = 0;
  for (const peer of byHope(peerTable.peers.values(), event)) {
    peer.routerReplaced(reason, nowMs + Math.floor(dials / DIALS_AT_ONCE) * DIALS_APART_MS, nowMs);
    if (peer.link.state !== 'down') dials++;
  }
  for (const status of event.sessions) {
    if (deps.revocations.isRevoked(status.peer)) deps.emit({ type: 'removePeer', peer: status.peer });
    else peerTable.peerInRouter(status.peer, nowMs).adopt(status, nowMs);
  }
  for (const path of event.paths) peerTable.peers.get(path.peer)?.resume(path, nowMs);
  for (const peer of peerTable.peers.values()) peer.path.emit(nowMs);
}

/** The peers that are most likely to respond first: those with a session, then those that were ever met. */
function byHope(peers: Iterable<Peer>, { sessions }: RouterConnected): Peer[] {
  const held = new Set(sessions.map(({ peer }) => peer));
  const rank = (peer: Peer): number => (peer.sessions.active !== null || held.has(peer.id) ? 0 : peer.isProven ? 1 : 2);
  return [...peers].sort((a, b) => rank(a) - rank(b));
}

/** The same router after an interruption: it holds what it held, less what was removed meanwhile. */
function reconcile(event: RouterConnected, gapMs: number, deps: RouterConnectionDeps, nowMs: number): void {
  const held = new Set(event.sessions.map(({ localIndex }) => localIndex));
  for (const peer of deps.peerTable.peers.values()) {
    peer.routerReturned((localIndex) => held.has(localIndex), gapMs, nowMs);
    peer.path.emit(nowMs);
  }
  for (const { peer, localIndex } of event.sessions) {
    const known = deps.peerTable.peers.get(peer)?.sessions.find(localIndex) ?? null;
    if (known === null) deps.emit({ type: 'removeSession', localIndex });
  }
}
