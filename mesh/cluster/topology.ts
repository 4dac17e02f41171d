/**
 * Topology: links and pods of other nodes as they report them, and this node's report of its own pods. Peers are asked only
 * while a user watches the topology, until a deadline that each request moves on.
 */
import type { NodeId } from '../../common/node-id.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { MAX_TOPOLOGY_PEERS, TOPOLOGY_AGE_MS, TOPOLOGY_INTERVAL_MS } from '../limits.js';
import { podsReport } from '../wire/links-message.js';
import type { LinkReport, LinksMessage, PodsReport } from '../wire/links-message.js';
import type { PodView, RemoteLinkView, RemotePodsView } from '../mesh-io.js';

interface Report {
  readonly atMs: number;
  readonly links: readonly LinkReport[];
  readonly pods: PodsReport | null;
}

export class Topology {
  readonly #ownId: NodeId;
  /** By the node that reported. Bounded by MAX_TOPOLOGY_PEERS, each report by the message's own bound. */
  readonly #reports = new BoundedMap<NodeId, Report>(MAX_TOPOLOGY_PEERS);
  #ownPods: PodsReport = podsReport([]);
  #watchedUntilMs = 0;
  #nextQueryMs: number | null = null;

  constructor(ownId: NodeId) {
    this.#ownId = ownId;
  }

  watchUntil(untilMs: number, nowMs: number): void {
    this.#watchedUntilMs = Math.max(this.#watchedUntilMs, untilMs);
    this.#nextQueryMs ??= nowMs;
  }

  /** The peers to ask now: all linked ones, or a random window of MAX_TOPOLOGY_PEERS of them. */
  peersToAsk(linked: readonly NodeId[], fraction: number, nowMs: number): readonly NodeId[] {
    if (this.#nextQueryMs === null || nowMs < this.#nextQueryMs) return [];
    const over = nowMs >= this.#watchedUntilMs;
    this.#nextQueryMs = over ? null : nowMs + TOPOLOGY_INTERVAL_MS;
    if (over) return [];
    const start = linked.length <= MAX_TOPOLOGY_PEERS ? 0 : Math.floor(fraction * linked.length);
    return [...linked, ...linked].slice(start, start + Math.min(MAX_TOPOLOGY_PEERS, linked.length));
  }

  pollAt(): number | null {
    return this.#nextQueryMs;
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
    const ofOthers = links.filter(({ peer }) => peer !== this.#ownId && peer !== by);
    this.#reports.set(by, { atMs: nowMs, links: ofOthers, pods });
  }

  links(nowMs: number): RemoteLinkView[] {
    return this.#fresh(nowMs).flatMap(([a, { atMs, links }]) => links.map((link) => viewOf(a, link, nowMs - atMs)));
  }

  /** The pods of every node whose last report is fresh and has them. */
  pods(nowMs: number): RemotePodsView[] {
    return this.#fresh(nowMs).flatMap(([node, { atMs, pods }]) =>
      pods === null ? [] : [{ node, pods: pods.list, podCount: pods.count, ageMs: nowMs - atMs }],
    );
  }

  #fresh(nowMs: number): [NodeId, Report][] {
    for (const [node, { atMs }] of this.#reports) {
      if (nowMs - atMs >= TOPOLOGY_AGE_MS) this.#reports.delete(node);
    }
    return [...this.#reports];
  }
}

function viewOf(a: NodeId, link: LinkReport, ageMs: number): RemoteLinkView {
  const { peer: b, state, rttMs, mtuBytes, cipher, txBytes, rxBytes } = link;
  return { a, b, state, rttMs, mtuBytes, cipher, abBytes: txBytes, baBytes: rxBytes, ageMs };
}
