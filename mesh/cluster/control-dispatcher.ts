/**
 * Dispatcher of control messages: decodes each and calls the part it is for. Also asks peers for their links and answers
 * such queries.
 */
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { decodeControl, encodeControl } from '../wire/control-message.js';
import type { DeathReport } from '../wire/death-report.js';
import type { ControlMessage } from '../wire/control-message.js';
import { isRelayMessage } from '../wire/relay-messages.js';
import type { RelayMessage } from '../wire/relay-messages.js';
import type { Counters } from '../counters.js';
import type { Conduct, Excess } from './conduct.js';
import type { Gossip } from './gossip.js';
import {
  DEATHS_BURST,
  DEATHS_PER_SECOND,
  DIGEST_BURST,
  DIGESTS_PER_SECOND,
  LINKS_ANSWER_INTERVAL_MS,
  MAX_LINKS_PER_MESSAGE,
  MAX_MEMBERS,
  NODE_CHANGE_BURST,
  NODE_CHANGES_PER_SECOND,
  REVOCATIONS_BURST,
} from '../limits.js';
import { RateLimiter } from '../rate-limiter.js';
import type { NodeChange, RandomSource } from '../mesh-io.js';
import type { Peer } from '../peer/peer.js';
import type { Topology } from './topology.js';
import { linkReport } from './views.js';

export interface ControlDispatcherDeps {
  readonly gossip: Gossip;
  readonly topology: Topology;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  readonly random: RandomSource;
  readonly counters: Counters;
  readonly conduct: Conduct;
  send(peer: NodeId, bytes: Uint8Array): void;
  /** Learns encoded adverts. */
  learnAdverts(encoded: readonly Uint8Array[], from: NodeId, nowMs: number): void;
  learnNodeChanges(changes: readonly NodeChange[], nowMs: number): void;
  learnDeaths(reports: readonly DeathReport[], from: NodeId, nowMs: number): void;
  learnRevocations(encoded: readonly Uint8Array[], from: NodeId, nowMs: number): void;
  relayMessage(message: RelayMessage, from: Peer, nowMs: number): void;
}

export class ControlDispatcher {
  readonly #deps: ControlDispatcherDeps;
  /** When each peer last got a links message. Bounded by MAX_MEMBERS. */
  readonly #linksAnswered = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  /** Digests and pulls that each peer may send. */
  readonly #questions = new RateLimiter<NodeId>({
    burst: 2 * DIGEST_BURST,
    perSecond: 2 * DIGESTS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  /** Messages of revocations that each peer may send: each costs up to 32 checks of a signature. */
  readonly #revocations = new RateLimiter<NodeId>({
    burst: REVOCATIONS_BURST,
    perSecond: DIGESTS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  readonly #nodeChanges = new RateLimiter<NodeId>({
    burst: NODE_CHANGE_BURST,
    perSecond: NODE_CHANGES_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  /** Messages of reports that each peer may send: each costs up to 64 checks of a signature. */
  readonly #deaths = new RateLimiter<NodeId>({
    burst: DEATHS_BURST,
    perSecond: DEATHS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  constructor(deps: ControlDispatcherDeps) {
    this.#deps = deps;
  }

  /** Handles an authentic control message of `peer`; one that does not decode is counted. */
  receive(peer: Peer, bytes: Uint8Array, nowMs: number): void {
    try {
      const message = decodeControl(bytes);
      if (message === null) this.#deps.counters.count('unknownControl');
      else this.#handle(peer, message, nowMs);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      this.#deps.conduct.refused(peer.id, 'malformedControl', nowMs);
    }
  }

  /** Asks peers for their links, while the topology is watched. */
  askForLinks(linked: () => readonly NodeId[], nowMs: number): void {
    const { topology, random } = this.#deps;
    if (nowMs < topology.pollAt()) return;
    const peers = topology.peersToAsk(linked(), random.fraction(), nowMs);
    for (const peer of peers) this.#deps.send(peer, encodeControl({ type: 'linksQuery' }));
  }

  #handle(peer: Peer, message: ControlMessage, nowMs: number): void {
    const { gossip, topology } = this.#deps;
    if (isRelayMessage(message)) return this.#deps.relayMessage(message, peer, nowMs);
    switch (message.type) {
      case 'adverts':
        return this.#deps.learnAdverts(message.adverts, peer.id, nowMs);
      case 'digest':
        return this.#mayAsk(peer, nowMs) ? gossip.answerDigest(peer.id, message) : undefined;
      case 'pull':
        return this.#mayAsk(peer, nowMs) ? gossip.answerPull(peer.id, message.ids) : undefined;
      case 'hashes':
        return this.#mayAsk(peer, nowMs) ? gossip.answerHashes(peer.id, message.bytes) : undefined;
      case 'buckets':
        return this.#mayAsk(peer, nowMs) ? gossip.answerBuckets(peer.id, message) : undefined;
      case 'goodbye':
        return peer.goodbyeReceived(nowMs);
      case 'linkClosed':
        return peer.closedByPeer(nowMs);
      case 'linksQuery':
        return this.#answerLinks(peer, nowMs);
      case 'links':
        return topology.storeReport(peer.id, message, nowMs);
      case 'revocations':
        if (!this.#revocations.take(peer.id, nowMs)) return this.#refuse(peer, 'digestTooOften', nowMs);
        return this.#deps.learnRevocations(message.revocations, peer.id, nowMs);
      case 'nodeChanges':
        if (!this.#nodeChanges.take(peer.id, nowMs)) return this.#refuse(peer, 'nodeChangesTooOften', nowMs);
        return this.#deps.learnNodeChanges(message.changes, nowMs);
      case 'deaths':
        if (!this.#deaths.take(peer.id, nowMs)) return this.#refuse(peer, 'deathsTooOften', nowMs);
        return this.#deps.learnDeaths(message.reports, peer.id, nowMs);
    }
  }

  /** A digest of 23 bytes can ask for all adverts of the cluster. */
  #mayAsk(peer: Peer, nowMs: number): boolean {
    const isWithinRate = this.#questions.take(peer.id, nowMs);
    if (!isWithinRate) this.#refuse(peer, 'digestTooOften', nowMs);
    return isWithinRate;
  }

  #refuse({ id }: Peer, what: Excess, nowMs: number): void {
    this.#deps.conduct.refused(id, what, nowMs);
  }

  #answerLinks(peer: Peer, nowMs: number): void {
    const to = peer.id;
    const lastMs = this.#linksAnswered.get(to);
    if (lastMs !== undefined && nowMs - lastMs < LINKS_ANSWER_INTERVAL_MS)
      return this.#refuse(peer, 'linksQueryTooSoon', nowMs);
    this.#linksAnswered.set(to, nowMs);
    const links = [...this.#deps.peers.values()]
      .filter(({ advert, link }) => advert !== null && link.state !== 'idle')
      .slice(0, MAX_LINKS_PER_MESSAGE)
      .map(linkReport);
    this.#deps.send(to, encodeControl(this.#deps.topology.linksMessage(links)));
  }
}
