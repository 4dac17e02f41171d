/** Collection of what was violated in one simulation: the first of each kind and place, and the number of all. */
import type { SimCluster } from '../sim-cluster.js';
import { sequenceDiagram } from './sequence-diagram.js';

export type Invariant =
  | 'frames arrive or are refused'
  | 'one owner of a CIDR'
  | 'no link is down that is heard'
  | 'no live node is taken for dead'
  | 'equal members'
  | 'bounded queues and memory'
  | 'handshakes per link'
  | 'rest after faults'
  | 'revoked in 5 s'
  | 'no traffic is taken'
  | 'a liar is named';

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly text: string;
}

/** Violations that are kept; further ones are counted. */
const MAX_KEPT = 20;

export class Violations {
  readonly kept: Violation[] = [];
  count = 0;
  /** The messages before the first one, as a sequence diagram. */
  diagram: string | null = null;
  readonly #cluster: SimCluster;
  readonly #seen = new Set<string>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** @param nodes numbers of the nodes that it is about; the same again is not counted */
  add(invariant: Invariant, nodes: readonly number[], text: string): void {
    const place = `${invariant} ${nodes.join(' ')}`;
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    this.count++;
    this.diagram ??= sequenceDiagram(this.#cluster.network.log.messages(), nodes);
    if (this.kept.length < MAX_KEPT) this.kept.push({ invariant, atMs: Math.round(this.#cluster.network.nowMs), text });
  }
}
