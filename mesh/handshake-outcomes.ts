/** Application of handshake outcomes to the core: sessions to peers, adverts to the peer table, refusals to the counters. */
import { formatSocketAddress } from '../common/address/socket-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import type { NodeId } from '../common/node-id.js';
import { BoundedMap } from '../common/bounded-map.js';
import type { Authority, Standing } from './cluster/authority.js';
import type { PeerTable } from './cluster/peer-table.js';
import type { Advert } from './wire/advert.js';
import type { Seeds } from './cluster/seeds.js';
import type { Counters } from './counters.js';
import type { HandshakeOutcome } from './handshake/handshakes.js';
import type { RefusedSources } from './handshake/refused-sources.js';
import type { SessionSlots } from './handshake/session-slots.js';
import { MAX_WAITING_NODES } from './limits.js';
import type { MeshEffect } from './mesh-io.js';
import { subjectInWords } from './notices.js';
import type { Notices } from './notices.js';
import { answerTo } from './origin.js';
import type { Origin } from './origin.js';
import type { Peer } from './peer/peer.js';
import type { RouterConnection } from './router-connection.js';

type OutcomeOf<Type extends HandshakeOutcome['type']> = Extract<HandshakeOutcome, { type: Type }>;

interface Waiting {
  readonly advert: Advert;
  readonly from: SocketAddress;
}

export interface HandshakeOutcomesDeps {
  readonly ownId: NodeId;
  readonly authority: Authority;
  readonly router: RouterConnection;
  readonly slots: SessionSlots;
  readonly peerTable: PeerTable;
  readonly seeds: Seeds;
  readonly refusedSources: RefusedSources;
  readonly counters: Counters;
  readonly notices: Notices;
  readonly emit: (effect: MeshEffect) => void;
  /** Does what is due for a peer that changed. */
  readonly advancePeer: (peer: Peer, nowMs: number) => void;
}

export class HandshakeOutcomes {
  readonly #deps: HandshakeOutcomesDeps;
  /** Adverts of finished handshakes about which the authority is asked. */
  readonly #waiting = new BoundedMap<NodeId, Waiting>(MAX_WAITING_NODES);

  constructor(deps: HandshakeOutcomesDeps) {
    this.#deps = deps;
  }

  /** @param origin of the datagram that led to the outcome */
  apply(outcome: HandshakeOutcome, origin: Origin, nowMs: number): void {
    const { from } = origin;
    switch (outcome.type) {
      case 'refused':
        return this.#refused(outcome, origin, nowMs);
      case 'reply':
        return this.#deps.emit(answerTo(origin, outcome.reply));
      case 'responds':
        return this.#responds(outcome, origin);
      case 'waits':
        return;
      case 'unexpectedPeer':
        return this.#unexpectedPeer(outcome, from, nowMs);
      case 'confirmedAgain':
        return this.#confirmedAgain(outcome.peer, nowMs);
      case 'responded':
      case 'confirmed':
        return this.#established(outcome, origin, nowMs);
    }
  }

  /** The router is told of the session first: what the peer seals with it may come before its keys. */
  #responds({ reply, localIndex }: OutcomeOf<'responds'>, origin: Origin): void {
    const { router, emit } = this.#deps;
    if (router.keepsEarly) emit({ type: 'expectSession', localIndex });
    emit(answerTo(origin, reply));
  }

  #confirmedAgain(id: NodeId, nowMs: number): void {
    const peer = this.#deps.peerTable.peers.get(id);
    if (peer === undefined) return;
    peer.probeIfLinked(nowMs);
    this.#deps.advancePeer(peer, nowMs);
  }

  #refused({ reason, reply, detail }: OutcomeOf<'refused'>, origin: Origin, nowMs: number): void {
    const { counters, notices, refusedSources, emit } = this.#deps;
    const { from } = origin;
    counters.countHandshake(reason);
    if (reply !== null) emit(answerTo(origin, reply));
    const fields = { from: formatSocketAddress(from), reason };
    if (reason === 'badMac') {
      const message =
        'handshake with a bad MAC: probably a different cluster secret; compare the secrets of both nodes';
      notices.write('warn', message, nowMs, from.ip, fields);
      refusedSources.note(from, 'has another cluster secret: its handshakes have a bad MAC', nowMs);
    } else if (detail !== null) {
      // A member that sends the handshake chooses the id in it.
      const subject = subjectInWords(from.ip, 'handshake refused');
      notices.write('warn', `handshake refused: ${detail}`, nowMs, subject, fields);
      refusedSources.note(from, `sends handshakes that are refused: ${detail}`, nowMs);
    }
  }

  /** What the authority said of a node whose handshake waited for it: a member, which this node dials. */
  authorityAnswered(id: NodeId, isNamed: boolean, nowMs: number): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting !== undefined && isNamed) this.#learn(waiting.advert, waiting.from, nowMs);
  }

  /** Its address is tried when the peer is dialled. */
  #unexpectedPeer({ advert, localIndex }: OutcomeOf<'unexpectedPeer'>, from: SocketAddress, nowMs: number): void {
    const { counters, seeds } = this.#deps;
    counters.countHandshake('unexpectedPeer');
    seeds.resolve(localIndex, advert.id, from, nowMs);
    const standing = this.#standingOf(advert, nowMs);
    if (standing === 'named') this.#learn(advert, from, nowMs);
    else if (standing === 'unknown') this.#waiting.set(advert.id, { advert, from });
  }

  #learn(advert: Advert, from: SocketAddress, nowMs: number): void {
    const { peerTable, advancePeer } = this.#deps;
    const peer = peerTable.learnHandshakeAdvert(advert, nowMs);
    if (peer === null) return;
    peer.path.suggestEndpoint(from);
    advancePeer(peer, nowMs);
  }

  #standingOf(advert: Advert, nowMs: number): Standing {
    const { ownId, authority } = this.#deps;
    return advert.id === ownId ? 'named' : authority.standingOf(advert, nowMs);
  }

  #established(outcome: OutcomeOf<'responded' | 'confirmed'>, origin: Origin, nowMs: number): void {
    const { from } = origin;
    const { ownId, counters, peerTable, seeds, refusedSources, router, advancePeer } = this.#deps;
    const { session, startedMs } = outcome;
    if (!this.#isNamed(outcome, from, nowMs)) return;
    if (session.peer === ownId) counters.countHandshake('ownIdentity');
    if (session.peer === ownId)
      refusedSources.note(from, "is this node, or a copy with this node's identity key", nowMs);
    else refusedSources.clear(from);
    const peer = peerTable.learnHandshakeAdvert(outcome.advert, nowMs);
    if (outcome.type === 'responded') seeds.resolve(session.localIndex, session.peer, from, nowMs);
    // The peer's own handshake has finished while ours was in progress: one session is enough.
    const isSurplus = outcome.type === 'responded' && peer?.sessions.hasNewerThan(startedMs) === true;
    if (peer === null || isSurplus) this.#release(outcome);
    else if (outcome.type === 'responded') {
      const { confirmation, keepsEarly } = outcome;
      // A router that keeps early datagrams is also one that can be told to seal no more.
      const mayFollow = keepsEarly && router.keepsEarly;
      peer.installAsInitiator(session, { bytes: confirmation, mayFollow }, origin, nowMs);
    } else peer.installAsResponder(session, origin, startedMs, nowMs);
    if (peer !== null) advancePeer(peer, nowMs);
  }

  /** A node waits for the authority's answer, after which this node dials it: a stranger takes no place among the members. */
  #isNamed(outcome: OutcomeOf<'responded' | 'confirmed'>, from: SocketAddress, nowMs: number): boolean {
    const { counters, seeds } = this.#deps;
    const { advert, session } = outcome;
    const standing = this.#standingOf(advert, nowMs);
    if (standing === 'named') return true;
    counters.count('notNamed');
    this.#release(outcome);
    if (standing === 'refused') this.#tellRefused(advert, from, nowMs);
    else this.#waiting.set(advert.id, { advert, from });
    if (outcome.type === 'responded') seeds.resolve(session.localIndex, advert.id, from, nowMs);
    return false;
  }

  /** No session follows. */
  #release({ type, session: { localIndex } }: OutcomeOf<'responded' | 'confirmed'>): void {
    const { router, slots, emit } = this.#deps;
    slots.release(localIndex);
    if (type === 'confirmed' && router.keepsEarly) emit({ type: 'removeSession', localIndex });
  }

  #tellRefused({ id, name }: Advert, from: SocketAddress, nowMs: number): void {
    const { notices, refusedSources } = this.#deps;
    const fields = { from: formatSocketAddress(from), node: id, name };
    notices.write(
      'warn',
      'handshake refused: the authority (Kubernetes, or the list of keys) does not name this key for the node of this name',
      nowMs,
      id,
      fields,
    );
    refusedSources.note(
      from,
      `calls itself ${name}, whose key is another one by the authority (Kubernetes, or the list of keys)`,
      nowMs,
    );
  }
}
