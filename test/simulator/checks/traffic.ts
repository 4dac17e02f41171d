/**
 * Traffic of pods: frames between nodes whose popularity follows Zipf's law, and the check that each one arrives, or is refused
 * with a word to its sender, in 3 s, where no fault has touched either end or the relay between them.
 */
import type { SimFrame } from '../../../mesh/testing/packet.js';
import { SeededRandom } from '../../../mesh/testing/seeded-random.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { SimCluster } from '../sim-cluster.js';
import { FirstPackets } from './first-packets.js';
import type { Violations } from './violations.js';

const FRAMES_PER_SECOND = 50;
const FRAME_BYTES = 1000;
const ANSWERED_WITHIN_MS = 3_000;
/** A frame that waits is refused at the end of this time, which takes a moment. */
const MARGIN_MS = 500;
/** Links are there again so long after a fault. */
const SETTLE_MS = 15_000;

export class Traffic {
  sent = 0;
  arrived = 0;
  refused = 0;
  readonly firstPackets = new FirstPackets();
  readonly #cluster: SimCluster;
  readonly #violations: Violations;
  readonly #random: SeededRandom;

  constructor(cluster: SimCluster, violations: Violations, seed: number) {
    this.#cluster = cluster;
    this.#violations = violations;
    this.#random = new SeededRandom(seed);
  }

  /** Sends from now on until then. */
  run(untilMs: number): void {
    const { network } = this.#cluster;
    const next = (): void => {
      if (network.nowMs >= untilMs) return;
      this.#sendOne();
      network.at(network.nowMs + (1000 / FRAMES_PER_SECOND) * 2 * this.#random.fraction(), next);
    };
    next();
  }

  #sendOne(): void {
    const { members, network } = this.#cluster;
    const source = members[Math.floor(this.#random.fraction() * members.length)]!;
    const target = members[zipf(members.length, this.#random)]!;
    if (source === target || source.router === null) return;
    const nodes = this.#onWay(source, target);
    const wasCalm = this.#isCalm(nodes);
    const isFirst = !source.router.isActive(target.id);
    this.sent++;
    const frame = source.sendFrame(target.id, FRAME_BYTES);
    network.at(network.nowMs + ANSWERED_WITHIN_MS + MARGIN_MS, () => {
      const isCalm = wasCalm && this.#isCalm(nodes) && !this.#cluster.hasLostSince(frame.sentMs);
      if (isFirst && isCalm) this.firstPackets.add(frame);
      this.#check(source, target, frame, isCalm);
    });
  }

  #check(source: SimNode, target: SimNode, frame: SimFrame, isCalm: boolean): void {
    if (frame.state === 'arrived') this.arrived++;
    else if (frame.state === 'refused') this.refused++;
    else if (isCalm) {
      const text = `a frame of node ${source.number} to node ${target.number} is ${frame.state} after 3 s`;
      this.#violations.add('frames arrive or are refused', [source.number, target.number], text);
    }
  }

  /** Both ends, and the relay between them. */
  #onWay(source: SimNode, target: SimNode): SimNode[] {
    const relay = source.relayTo(target);
    return [source, target, ...this.#cluster.members.filter(({ id }) => id === relay)];
  }

  #isCalm(nodes: readonly SimNode[]): boolean {
    return nodes.every((node) => this.#cluster.isCalm(node, SETTLE_MS));
  }
}

/** Index below `count`; the i-th is chosen in proportion to 1 / (i + 1), by the inverse of the harmonic sum. */
function zipf(count: number, random: SeededRandom): number {
  return Math.min(count - 1, Math.floor((count + 1) ** random.fraction()) - 1);
}
