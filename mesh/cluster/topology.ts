/**
 * Topology: links and pods of other nodes as they report them, and this node's report of its own pods. All peers are asked
 * while a user watches the topology, until a deadline that each request moves on. Otherwise one peer at a time is asked, for
 * its pods: they are kept, so that the pods of a dead node can still be named.
 */
import type { NodeId } from '../../common/node-id.js';
import { BoundedMap } from '../../common/bounded-map.js';
import {
  FIRST_PODS_INTERVAL_MS,
  MAX_MEMBERS,
  MAX_POD_REPORTS,
  MAX_TOPOLOGY_PEERS,
  PODS_INTERVAL_MS,
  TOPOLOGY_AGE_MS,
  TOPOLOGY_INTERVAL_MS,
} from '../limits.js';
import { podsReport } from '../wire/links-message.js';
import type { LinkReport, LinksMessage, PodsReport } from '../wire/links-message.js';
import type { PodView, RemoteLinkView, RemotePodsView, TopologyReports } from '../mesh-io.js';

interface Report {
  readonly atMs: number;
  readonly links: readonly LinkReport[];
}

interface KeptPods {
  readonly atMs: number;
  readonly pods: PodsReport;
}

export class Topology {
  readonly #ownId: NodeId;
  /** By the node that reported. Bounded by MAX_TOPOLOGY_PEERS, each report by the message's own bound. */
  readonly #reports = new BoundedMap<NodeId, Report>(MAX_TOPOLOGY_PEERS);
  /** By the node that reported, whatever its age. Bounded by MAX_POD_REPORTS. */
  readonly #pods = new BoundedMap<NodeId, KeptPods>(MAX_POD_REPORTS);
  /** When each peer was last asked for its pods alone. Bounded by MAX_MEMBERS. */
  readonly #podsAskedMs = new BoundedMap<NodeId, number>(MAX_MEMBERS);
  #ownPods: PodsReport = podsReport([]);
  #watchedUntilMs = 0;
  #nextQueryMs = 0;

  constructor(ownId: NodeId) {
    this.#ownId = ownId;
  }

  watchUntil(untilMs: number, nowMs: number): void {
    if (!this.isWatched(nowMs)) this.#nextQueryMs = nowMs;
    this.#watchedUntilMs = Math.max(this.#watchedUntilMs, untilMs);
  }

  isWatched(nowMs: number): boolean {
    return nowMs < this.#watchedUntilMs;
  }

  /** The peers to ask now. While watched, all of these or a random window of MAX_TOPOLOGY_PEERS of them; else one. */
  peersToAsk(linked: readonly NodeId[], fraction: number, nowMs: number): readonly NodeId[] {
    if (nowMs < this.#nextQueryMs) return [];
    if (!this.isWatched(nowMs)) return this.#peerToAskForPods(linked, nowMs);
    this.#nextQueryMs = nowMs + TOPOLOGY_INTERVAL_MS;
    const start = linked.length <= MAX_TOPOLOGY_PEERS ? 0 : Math.floor(fraction * linked.length);
    return [...linked, ...linked].slice(start, start + Math.min(MAX_TOPOLOGY_PEERS, linked.length));
  }

  pollAt(): number {
    return this.#nextQueryMs;
  }

  /** How many of the linked peers have reported lately, and whether all that are asked have. */
  reports(linked: readonly NodeId[], nowMs: number): TopologyReports {
    const fresh = new Set(this.#fresh(nowMs).map(([node]) => node));
    const received = linked.filter((peer) => fresh.has(peer)).length;
    return { received, expected: linked.length, complete: received >= Math.min(linked.length, MAX_TOPOLOGY_PEERS) };
  }

  /** Replaces the pods that this node reports. */
  setLocalPods(pods: readonly PodView[]): void {
    this.#ownPods = podsReport(pods);
  }

  /** The reply to a peer that asks for links. */
  linksMessage(links: readonly LinkReport[]): LinksMessage {
    return { type: 'links', links, pods: this.#ownPods };
  }

  storeReport(by: NodeId, { links, pods }: LinksMessage, nowMs: number): void {
    if (pods !== null) this.#pods.set(by, { atMs: nowMs, pods });
    if (!this.isWatched(nowMs)) return;
    const ofOthers = links.filter(({ peer }) => peer !== this.#ownId && peer !== by);
    this.#reports.set(by, { atMs: nowMs, links: ofOthers });
  }

  links(nowMs: number): RemoteLinkView[] {
    return this.#fresh(nowMs).flatMap(([a, { atMs, links }]) => links.map((link) => viewOf(a, link, nowMs - atMs)));
  }

  /** The last reported pods of every node, of a dead one too. */
  pods(nowMs: number): RemotePodsView[] {
    return Array.from(this.#pods, ([node, { atMs, pods }]) => ({
      node,
      pods: pods.list,
      podCount: pods.count,
      ageMs: nowMs - atMs,
    }));
  }

  /** The linked peer that was not asked for the longest time. */
  #peerToAskForPods(linked: readonly NodeId[], nowMs: number): readonly NodeId[] {
    const askedMs = (peer: NodeId): number => this.#podsAskedMs.get(peer) ?? -1;
    const inTurn = [...linked].sort((a, b) => askedMs(a) - askedMs(b));
    const [peer, next] = inTurn;
    const isFirstRound = next !== undefined && !this.#podsAskedMs.has(next);
    this.#nextQueryMs = nowMs + (isFirstRound ? FIRST_PODS_INTERVAL_MS : PODS_INTERVAL_MS);
    if (peer === undefined) return [];
    this.#podsAskedMs.set(peer, nowMs);
    return [peer];
  }

  #fresh(nowMs: number): [NodeId, Report][] {
    for (const [node, { atMs }] of this.#reports) {
      if (nowMs - atMs >= TOPOLOGY_AGE_MS) this.#reports.delete(node);
    }
    return [...this.#reports];
  }
}

function viewOf(a: NodeId, link: LinkReport, ageMs: number): RemoteLinkView {
  const { peer: b, state, rttMs, mtuBytes, cipher, isRelayed, txBytes, rxBytes } = link;
  return { a, b, state, rttMs, mtuBytes, cipher, isRelayed, abBytes: txBytes, baBytes: rxBytes, ageMs };
}
