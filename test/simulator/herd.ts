/**
 * Simulation of a herd: a node restarts, and pods of all other nodes want it at once, as when a name moves to an address of it.
 * Each node sends a frame again and again until one has arrived. Told is how long that takes, and whether other links suffer.
 */
import type { SimFrame } from '../../mesh/testing/packet.js';
import type { SimNode } from '../../mesh/testing/sim-node.js';
import { Measures, timesUntilKnown } from './measures.js';
import { SimCluster } from './sim-cluster.js';

const START_MS = 60_000;
const DEAD_MS = 1_000;
const SETTLE_MS = 3_000;
/** The bound: an overload is over so long after its cause. */
const WATCHED_MS = 60_000;
const FRAME_EVERY_MS = 500;
const FRAME_BYTES = 200;
const LOOK_EVERY_MS = 50;

export interface HerdFigures {
  readonly nodes: number;
  /** Until a frame of the median node had arrived, of 99 % of the nodes, and of all; null where that never was, in 60 s. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly allMs: number | null;
  /** Handshakes that were responded to, per node that wanted this one. */
  readonly handshakesPerNode: number;
  /** Initiations that the node answered by a cookie with a wait. */
  readonly toldToWait: number;
  /** Events and packets of the node that did not fit its queues. */
  readonly eventsLost: number;
  /** Processor time of the node's agent, ms of a whole core per node that wanted it. */
  readonly cpuMsPerNode: number;
  /** Links between two other nodes, or of the node to its neighbours, that went down in this time. */
  readonly linksDown: number;
}

export function runHerd(nodes: number, cpuShare: number, seed: number): HerdFigures {
  const measures = new Measures();
  const cluster = new SimCluster(seed, cpuShare, (message) => measures.onMessage(message));
  cluster.start(nodes);
  timesUntilKnown(cluster, cluster.living(), nodes - 1, [1], START_MS);
  const target = cluster.members.at(-1)!;
  cluster.kill(target);
  cluster.network.run(DEAD_MS);
  cluster.revive(target);
  cluster.network.run(SETTLE_MS);
  const herd = cluster.members.filter((node) => node !== target);
  const { responses } = measures;
  const { busyMs } = target.agentCpu;
  const before = target.mesh!.counters();
  const downs = watchLinks(herd, target);
  const arrivals = sendAll(cluster, herd, target);
  const after = target.mesh!.counters();
  const arrived = arrivals.filter((ms) => ms !== null).sort((a, b) => a - b);
  const at = (share: number): number | null => arrived[Math.ceil(share * herd.length) - 1] ?? null;
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  return {
    nodes,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    allMs: at(1),
    handshakesPerNode: Number(((measures.responses - responses) / herd.length).toFixed(2)),
    toldToWait: grown('handshakeMustWait'),
    eventsLost: target.agentCpu.refused + target.routerCpu.refused,
    cpuMsPerNode: Number(((target.agentCpu.busyMs - busyMs) / herd.length).toFixed(2)),
    linksDown: downs(),
  };
}

/** When a frame of each node had arrived, ms after the first was sent. */
function sendAll(cluster: SimCluster, herd: readonly SimNode[], target: SimNode): (number | null)[] {
  const { network } = cluster;
  const startMs = network.nowMs;
  const frames = herd.map((): SimFrame[] => []);
  const arrivals = herd.map((): number | null => null);
  for (let ms = 0; ms < WATCHED_MS && arrivals.includes(null); ms += LOOK_EVERY_MS) {
    herd.forEach((node, i) => {
      if (arrivals[i] !== null) return;
      const sent = frames[i]!.find(({ state }) => state === 'arrived');
      if (sent !== undefined) arrivals[i] = sent.endedMs! - startMs;
      else if (ms % FRAME_EVERY_MS === 0) {
        frames[i]!.push(node.sendFrame(target.id, FRAME_BYTES));
      }
    });
    network.run(LOOK_EVERY_MS);
  }
  return arrivals.map((ms) => (ms === null ? null : Math.round(ms)));
}

/** Counts links that go down; the restarted node's own are no surprise at the nodes that saw it die. */
function watchLinks(herd: readonly SimNode[], target: SimNode): () => number {
  const down = new Set<string>();
  const look = (node: SimNode): void => {
    for (const { id, state } of node.linkedMembers()) {
      if (state === 'down' && id !== target.id) down.add(`${node.id} ${id}`);
    }
  };
  for (const node of [...herd, target]) node.onRoutesChanged = () => look(node);
  return () => {
    for (const node of [...herd, target]) node.onRoutesChanged = () => undefined;
    return down.size;
  };
}
