/** What each kind of fault does to a cluster, and how it ends. */
import { SeededRandom } from '../../../mesh/testing/seeded-random.js';
import { HANDSHAKE_LIFETIME_MS, STAMP_RESERVE } from '../../../mesh/limits.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { PathProperties, PathRule } from '../../../mesh/testing/sim-paths.js';
import type { SimCluster } from '../sim-cluster.js';
import { isLie } from './fault-kinds.js';
import type { FailureKind, Fault, LieKind } from './fault-kinds.js';
import { Liar } from './liar.js';
import { beginLie } from './lies.js';

/** A fault that has begun. */
export interface ActiveFault {
  /** Nodes whose traffic and links it may break; null: those of all. */
  readonly nodes: readonly SimNode[] | null;
  /** Whether datagrams may be lost. */
  readonly loses: boolean;
  /** What it breaks for so long after its end; nothing by default. */
  readonly lingersMs?: number;
  end(): void;
}

type Begin = (cluster: SimCluster, random: SeededRandom, forMs: number) => ActiveFault;

const BURST_MS = 300;
/** Of the time, in each direction. */
const BURST_SHARE = 0.05;
const FLAP_MS = 1_500;
/** The stamps of a clone are ahead by so much: an initiation that the original made meanwhile is a replay until it is made anew. */
const CLONE_LINGERS_MS = STAMP_RESERVE + HANDSHAKE_LIFETIME_MS;
const SLOW = 10;
const NAT_PORTS = 20_000;
/** A liar joins first. */
const LIE_AFTER_MS = 1_000;
const LIE_EVERY_MS = 100;
/** Most of what is refused is counted for a minute before its sender is named: one that lied for less need not be. */
const NAMED_AFTER_MS = 5_000;

/** A fault that breaks nothing beyond single datagrams, or a path for which a relay stands in. */
const HARMLESS: readonly SimNode[] = [];

const BEGIN: Readonly<Record<FailureKind, Begin>> = {
  loss: (cluster, random) => onPaths(cluster, HARMLESS, true, () => ({ loss: 0.01 + random.fraction() * 0.04 })),
  'burst-loss': (cluster, random) => {
    const salt = Math.floor(random.fraction() * 2 ** 31);
    return onPaths(cluster, HARMLESS, true, (from, to) => {
      const slot = Math.floor(cluster.network.nowMs / BURST_MS);
      const drawn = new SeededRandom(salt + Math.imul(from.number * 8192 + to.number, 31) + slot).fraction();
      return drawn < BURST_SHARE ? { loss: 0.9 } : null;
    });
  },
  'one-way-loss': (cluster, random) => {
    const victim = pick(cluster, random);
    return onPaths(cluster, [victim], true, (from) => (from === victim ? { loss: 0.3 } : null));
  },
  delay: (cluster, random) => {
    const change = { delayMs: 20 + random.fraction() * 80, jitterMs: 30 };
    return onPaths(cluster, HARMLESS, false, () => change);
  },
  reorder: (cluster) => onPaths(cluster, HARMLESS, false, () => ({ reordering: 0.2, jitterMs: 10 })),
  duplicates: (cluster) => onPaths(cluster, HARMLESS, false, () => ({ duplication: 0.2 })),
  halves: (cluster, random) => {
    const left = new Set<unknown>(cluster.living().filter(() => random.fraction() < 0.5));
    return onPaths(cluster, null, true, (from, to) => (left.has(from) === left.has(to) ? null : { isBlocked: true }));
  },
  'one-way': (cluster, random) => {
    const [a, b] = [pick(cluster, random), pick(cluster, random)];
    return onPaths(cluster, HARMLESS, true, (from, to) => (from === a && to === b ? { isBlocked: true } : null));
  },
  flapping: (cluster, random) => {
    const victim = pick(cluster, random);
    const isDown = (): boolean => Math.floor(cluster.network.nowMs / FLAP_MS) % 2 === 0;
    const isHit = (from: unknown, to: unknown): boolean => from === victim || to === victim;
    return onPaths(cluster, [victim], true, (from, to) => (isHit(from, to) && isDown() ? { isBlocked: true } : null));
  },
  'nat-rebinding': (cluster, random) => {
    const node = pick(cluster, random);
    node.rebind(NAT_PORTS + Math.floor(random.fraction() * NAT_PORTS));
    return { nodes: [node], loses: true, end: () => node.rebind(null) };
  },
  pause: (cluster, random, forMs) => {
    const node = pick(cluster, random);
    node.standStill(forMs);
    return { nodes: [node], loses: true, end: () => undefined };
  },
  slow: (cluster, random) => {
    const node = pick(cluster, random);
    node.cpuShare = cluster.cpuShare / SLOW;
    return { nodes: [node], loses: true, end: () => (node.cpuShare = cluster.cpuShare) };
  },
  crash: (cluster, random) => dead(cluster, [pick(cluster, random)]),
  'crash-disk': (cluster, random) => {
    const node = pick(cluster, random);
    const fault = dead(cluster, [node]);
    node.loseState();
    cluster.newcomers.add(node);
    return fault;
  },
  'router-crash': (cluster, random) => {
    const node = pick(cluster, random);
    if (node.mesh !== null && node.router !== null) node.restartRouter();
    return { nodes: [node], loses: true, end: () => undefined };
  },
  'cloned-disk': (cluster, random) => {
    const original = pick(cluster, random);
    const clone = cluster.add({ identity: original.identity });
    clone.cachedAdverts = original.mesh?.adverts() ?? [];
    clone.cachedStamps = original.mesh?.stamps() ?? clone.cachedStamps;
    clone.start(cluster.seeds);
    const lingersMs = CLONE_LINGERS_MS;
    return { nodes: [original, clone], loses: true, lingersMs, end: () => cluster.remove(clone) };
  },
  'same-cidr': (cluster, random) => {
    const owner = pick(cluster, random);
    const claimant = cluster.add({});
    claimant.podCidrs.splice(0, claimant.podCidrs.length, ...owner.podCidrs);
    claimant.start(cluster.seeds);
    return { nodes: [owner, claimant], loses: true, end: () => cluster.remove(claimant) };
  },
  waves: (cluster, _, forMs) => {
    const nodes = cluster.living();
    const stepMs = forMs / nodes.length;
    nodes.forEach((node, i) => {
      cluster.network.at(cluster.network.nowMs + i * stepMs, () => {
        if (!cluster.isLiving(node)) return;
        node.kill();
        node.start(cluster.seeds);
      });
    });
    return { nodes: null, loses: true, end: () => undefined };
  },
  'dead-tenth': (cluster, random) => dead(cluster, some(cluster, random, 0.1)),
  'dead-half': (cluster, random) => dead(cluster, some(cluster, random, 0.5)),
  address: (cluster, random) => {
    const node = pick(cluster, random);
    const { address } = node;
    const move = (to: typeof address): void => {
      node.address = to;
      node.handle({ type: 'self', self: node.self });
    };
    move(cluster.freeAddress());
    return { nodes: [node], loses: true, end: () => move(address) };
  },
  'seeds-gone': (cluster) =>
    dead(
      cluster,
      cluster.seeds.filter((seed) => cluster.isLiving(seed)),
    ),
  skew: (cluster, random) => {
    const node = pick(cluster, random);
    node.skewClock((random.fraction() - 0.5) * 100_000);
    return { nodes: [node], loses: false, end: () => undefined };
  },
  // Both reach all others, as two sites with a firewall between them.
  'no-path': (cluster, random) => {
    const [a, b] = [pick(cluster, random), pick(cluster, random)];
    const isHit = (from: unknown, to: unknown): boolean => (from === a && to === b) || (from === b && to === a);
    return onPaths(cluster, HARMLESS, true, (from, to) => (isHit(from, to) ? { isBlocked: true } : null));
  },
};

export function beginFault(cluster: SimCluster, { kind, seed, forMs }: Fault): ActiveFault {
  const random = new SeededRandom(seed);
  return isLie(kind) ? lie(cluster, random, kind) : BEGIN[kind](cluster, random, forMs);
}

/** Honest nodes are as calm as without the liar. */
function lie(cluster: SimCluster, random: SeededRandom, kind: LieKind): ActiveFault {
  const { network } = cluster;
  const liar = new Liar(cluster, random);
  const say = beginLie(kind, liar);
  liar.start();
  const go = (step: number): void => {
    if (!cluster.isLiving(liar.node)) return;
    liar.linkToAll();
    say(step);
    network.at(network.nowMs + LIE_EVERY_MS, () => go(step + 1));
  };
  network.at(network.nowMs + LIE_AFTER_MS, () => go(0));
  const namedFromMs = network.nowMs + LIE_AFTER_MS + NAMED_AFTER_MS;
  const end = (): void => cluster.endLie(liar.node, network.nowMs < namedFromMs ? null : kind);
  return { nodes: [liar.node], loses: false, end };
}

function onPaths(
  { network }: SimCluster,
  nodes: readonly SimNode[] | null,
  loses: boolean,
  change: (...ends: Parameters<PathRule>) => Partial<PathProperties> | null,
): ActiveFault {
  const remove = network.paths.addRule(change);
  return { nodes, loses, end: remove };
}

function dead(cluster: SimCluster, nodes: readonly SimNode[]): ActiveFault {
  for (const node of nodes) cluster.kill(node);
  return {
    nodes,
    loses: true,
    end: () => {
      for (const node of nodes) cluster.revive(node);
    },
  };
}

function pick(cluster: SimCluster, random: SeededRandom): SimNode {
  const living = cluster.living();
  return living[Math.floor(random.fraction() * living.length)]!;
}

function some(cluster: SimCluster, random: SeededRandom, share: number): SimNode[] {
  return cluster.living().filter((node) => random.fraction() < share && !cluster.seeds.includes(node));
}
