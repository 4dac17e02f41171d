/** Cluster under simulation: its nodes, which of them live, and when faults have touched them. */
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { LoggedMessage } from '../../mesh/testing/sim-log.js';
import { SeededRandom } from '../../mesh/testing/seeded-random.js';
import { SimNetwork } from '../../mesh/testing/sim-network.js';
import type { SimNode, SimNodeOptions } from '../../mesh/testing/sim-node.js';
import { MEASURED_COSTS } from './event-costs.js';
import type { LieKind } from './faults/fault-kinds.js';

/** As in the agent (`agent/control-plane/mesh-driver.ts`). */
const TICK_INTERVAL_MS = 250;
/** Nodes that everybody is configured to join by. */
const SEED_NODES = 3;
/** In a larger cluster each node has so many seeds of its own, drawn from all, as with Kubernetes (`kube/cluster-facts.ts`). */
const COMMON_SEEDS_UP_TO = 300;
const PORT = 6785;
/** About 20 s of 30 nodes with frames, for the diagram of a failure. In a large cluster they would all be kept for nothing. */
const KEPT_MESSAGES = 20_000;
const KEPT_MESSAGES_OF_MANY = 1000;

export class SimCluster {
  readonly network: SimNetwork;
  readonly cpuShare: number;
  /** Nodes of the cluster, without those that a fault has added for a time. */
  readonly members: SimNode[] = [];
  /** Members that lie, also those that are gone. */
  readonly liars = new Set<SimNode>();
  /** Nodes that lost what they knew of the cluster, and do not know who was there before whom. */
  readonly newcomers = new Set<SimNode>();
  /** Told when a member has lied for the last time. */
  onLieEnded: (liar: SimNode, kind: LieKind) => void = () => undefined;
  readonly #gone = new Set<SimNode>();
  readonly #living = new Set<SimNode>();
  /** How many faults keep a node dead. */
  readonly #deaths = new Map<SimNode, number>();
  /** When the last fault that may have hit a node has ended; Infinity while one is at work. */
  readonly #disturbedMs = new Map<SimNode, number>();
  #allDisturbedMs = -Infinity;
  #lossyMs = -Infinity;
  #losesAlways = false;
  #addresses = 0;

  /** @param expectedNodes about so many, if they are many */
  constructor(seed: number, cpuShare: number, onMessage: (message: LoggedMessage) => void, expectedNodes = 0) {
    this.cpuShare = cpuShare;
    const keptMessages = expectedNodes > COMMON_SEEDS_UP_TO ? KEPT_MESSAGES_OF_MANY : KEPT_MESSAGES;
    this.network = new SimNetwork(seed, { keepsDatagrams: false, keptMessages, onMessage });
  }

  /** How many nodes a fault has added that are dead for ever. */
  get removed(): number {
    return this.#gone.size;
  }

  get seeds(): SimNode[] {
    return this.members.slice(0, SEED_NODES);
  }

  living(): SimNode[] {
    return [...this.#living];
  }

  honest(): SimNode[] {
    return this.living().filter((node) => !this.liars.has(node));
  }

  isLiving(node: SimNode): boolean {
    return this.#living.has(node);
  }

  /** All at once, knowing the seeds. */
  start(count: number): void {
    for (let i = 0; i < count; i++) this.members.push(this.add({}));
    for (const node of this.members) node.start(this.seedsOf(node));
  }

  /** A node that has not started. */
  add(options: SimNodeOptions): SimNode {
    const { cpuShare } = this;
    const shared = { costs: MEASURED_COSTS, cpuShare, tickIntervalMs: TICK_INTERVAL_MS };
    const node = this.network.addNode({ ...shared, ...options });
    this.#living.add(node);
    this.#disturbedMs.set(node, this.network.nowMs);
    return node;
  }

  addLiar(): SimNode {
    const liar = this.add({});
    this.liars.add(liar);
    return liar;
  }

  /** @param kind of what honest nodes must have named it for, or null */
  endLie(liar: SimNode, kind: LieKind | null): void {
    if (kind !== null) this.onLieEnded(liar, kind);
    this.remove(liar);
  }

  /** Agents, evenly chosen if there are more, start anew with what they kept: each node knows from then on who was in the cluster before it. */
  restartAgents(atMost = Infinity): void {
    const living = this.living();
    const step = Math.ceil(living.length / atMost) || 1;
    for (const node of living.filter((_, i) => i % step === 0)) {
      node.killAgent();
      node.startAgent();
    }
  }

  seedsOf(node: SimNode): SimNode[] {
    const others = (nodes: readonly SimNode[]): SimNode[] => nodes.filter((seed) => seed !== node);
    if (this.members.length <= COMMON_SEEDS_UP_TO) return others(this.seeds);
    const random = new SeededRandom(node.number);
    return others(
      Array.from({ length: SEED_NODES }, () => this.members[Math.floor(random.fraction() * this.members.length)]!),
    );
  }

  kill(node: SimNode): void {
    this.#deaths.set(node, (this.#deaths.get(node) ?? 0) + 1);
    this.#disturbedMs.set(node, Infinity);
    if (this.#living.delete(node)) node.kill();
  }

  revive(node: SimNode): void {
    const deaths = (this.#deaths.get(node) ?? 1) - 1;
    this.#deaths.set(node, deaths);
    if (deaths > 0 || this.#gone.has(node)) return;
    this.#living.add(node);
    this.#disturbedMs.set(node, this.network.nowMs);
    node.start(this.seedsOf(node));
  }

  /** A node that a fault has added dies for ever; the others go on to dial it. */
  remove(node: SimNode): void {
    this.#gone.add(node);
    this.#living.delete(node);
    node.kill();
  }

  /** An address that no node had before. */
  freeAddress(): SocketAddress {
    this.#addresses++;
    return { ip: parseIpAddress(`198.19.${this.#addresses >> 8}.${this.#addresses & 255}`), port: PORT };
  }

  /** Whether no fault has touched the node for so long. */
  isCalm(node: SimNode, forMs: number): boolean {
    const lastMs = Math.max(this.#allDisturbedMs, this.#disturbedMs.get(node) ?? -Infinity);
    return this.#living.has(node) && this.network.nowMs - lastMs >= forMs;
  }

  /** From now on all paths lose this share of their packets. */
  losePackets(share: number): void {
    this.#losesAlways = true;
    this.network.paths.changeAll({ loss: share });
  }

  /** Whether datagrams may have been lost since then. */
  hasLostSince(ms: number): boolean {
    return this.#losesAlways || this.#lossyMs >= ms;
  }

  /** A fault touches the nodes, or all with null, until then. @param loses whether datagrams may be lost */
  disturb(nodes: readonly SimNode[] | null, loses: boolean, untilMs: number): void {
    if (nodes === null) this.#allDisturbedMs = untilMs;
    for (const node of nodes ?? []) this.#disturbedMs.set(node, untilMs);
    if (loses) this.#lossyMs = untilMs;
  }
}
