/** Check of links that went down: none whose peer was heard just before, and none between nodes that no fault has touched. */
import { STALE_AFTER_MS } from '../../../mesh/limits.js';
import type { NodeId } from '../../../common/node-id.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { SimCluster } from '../sim-cluster.js';
import type { Violations } from './violations.js';

/** The agent is told of what was heard once a second: what was heard for longer is known to it. */
const TOLD_WITHIN_MS = 1_500;
/** From the end of a fault until no link goes down for it any more. */
const SETTLE_MS = 15_000;
const NEVER = { lastReceivedMs: -Infinity, heardSinceMs: Infinity };
const CALLED_DEAD_BY_CHOICE = 'left';

export class LinkCheck {
  falseDeaths = 0;
  readonly #cluster: SimCluster;
  readonly #violations: Violations;
  /** Peers that are down, by observer. */
  readonly #down = new Map<SimNode, ReadonlySet<NodeId>>();

  constructor(cluster: SimCluster, violations: Violations) {
    this.#cluster = cluster;
    this.#violations = violations;
  }

  /** All links of a node, as it sees them now. */
  look(observer: SimNode): void {
    const before = this.#down.get(observer);
    const down = observer.downMembers();
    if (down.length === 0 && before === undefined) return;
    this.#down.set(observer, new Set(down));
    for (const id of down) {
      if (before?.has(id) === true || observer.member(id)?.reason === CALLED_DEAD_BY_CHOICE) continue;
      const peer = this.#cluster.members.find((node) => node.id === id);
      if (peer !== undefined) this.#wentDown(observer, peer);
    }
  }

  #wentDown(observer: SimNode, peer: SimNode): void {
    const { nowMs } = this.#cluster.network;
    const { lastReceivedMs: heardMs, heardSinceMs } = observer.router?.heard(peer.id) ?? NEVER;
    const pair = [observer.number, peer.number];
    const names = `node ${observer.number} holds node ${peer.number} for down`;
    if (nowMs - heardMs < STALE_AFTER_MS - TOLD_WITHIN_MS && nowMs - heardSinceMs > TOLD_WITHIN_MS) {
      const text = `${names}, heard ${Math.round(nowMs - heardMs)} ms before`;
      this.#violations.add('no link is down that is heard', pair, text);
    }
    if (![observer, peer].every((node) => this.#cluster.isCalm(node, SETTLE_MS))) return;
    if (!this.#canMeet(observer, peer)) return;
    this.falseDeaths++;
    this.#violations.add('no live node is taken for dead', pair, `${names}, and no fault has touched them`);
  }
  /** Directly, or through a calm node that both reach. */
  #canMeet(a: SimNode, b: SimNode): boolean {
    const { paths } = this.#cluster.network;
    const isOpen = (from: SimNode, to: SimNode): boolean =>
      !paths.properties(from, to).isBlocked && !paths.properties(to, from).isBlocked;
    if (isOpen(a, b)) return true;
    const relays = this.#cluster.members.filter((node) => node !== a && node !== b);
    return relays.some((node) => this.#cluster.isCalm(node, SETTLE_MS) && isOpen(a, node) && isOpen(node, b));
  }
}
