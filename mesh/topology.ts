/**
 * The links between other nodes, as they report them while somebody looks at the topology. Costs nothing when nobody
 * does: peers are asked only until the deadline that was given.
 */
import type { NodeId } from '../common/node-id.js';
import { BoundedMap } from './bounded-map.js';
import type { LinkReport } from './control-message.js';
import { MAX_TOPOLOGY_PEERS, TOPOLOGY_AGE_MS, TOPOLOGY_INTERVAL_MS } from './limits.js';
import type { RemoteLinkView } from './mesh-io.js';

export class Topology {
  readonly #ownId: NodeId;
  /** By the node that reported. Bounded by MAX_TOPOLOGY_PEERS, each report by the message's own bound. */
  readonly #reports = new BoundedMap<NodeId, { readonly atMs: number; readonly links: readonly LinkReport[] }>(
    MAX_TOPOLOGY_PEERS,
  );
  #wantedUntilMs = 0;
  #nextQueryMs: number | null = null;

  constructor(ownId: NodeId) {
    this.#ownId = ownId;
  }

  want(untilMs: number, nowMs: number): void {
    this.#wantedUntilMs = Math.max(this.#wantedUntilMs, untilMs);
    this.#nextQueryMs ??= nowMs;
  }

  /** The peers to ask now: all of the linked ones when they are few, a moving window of them otherwise. */
  due(linked: readonly NodeId[], fraction: number, nowMs: number): readonly NodeId[] {
    if (this.#nextQueryMs === null || nowMs < this.#nextQueryMs) return [];
    const over = nowMs >= this.#wantedUntilMs;
    this.#nextQueryMs = over ? null : nowMs + TOPOLOGY_INTERVAL_MS;
    if (over) return [];
    const start = linked.length <= MAX_TOPOLOGY_PEERS ? 0 : Math.floor(fraction * linked.length);
    return [...linked, ...linked].slice(start, start + Math.min(MAX_TOPOLOGY_PEERS, linked.length));
  }

  pollAt(): number | null {
    return this.#nextQueryMs;
  }

  reported(by: NodeId, links: readonly LinkReport[], nowMs: number): void {
    this.#reports.set(by, { atMs: nowMs, links: links.filter(({ peer }) => peer !== this.#ownId && peer !== by) });
  }

  links(nowMs: number): RemoteLinkView[] {
    const views: RemoteLinkView[] = [];
    for (const [a, { atMs, links }] of this.#reports) {
      const ageMs = nowMs - atMs;
      if (ageMs >= TOPOLOGY_AGE_MS) this.#reports.delete(a);
      else for (const link of links) views.push(viewOf(a, link, ageMs));
    }
    return views;
  }
}

function viewOf(a: NodeId, link: LinkReport, ageMs: number): RemoteLinkView {
  const { peer: b, state, rttMs, mtuBytes, txBytes, rxBytes } = link;
  return { a, b, state, rttMs, mtuBytes, abBytes: txBytes, baBytes: rxBytes, ageMs };
}
