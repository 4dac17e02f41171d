/** Measures of one simulation: traffic and processor time of windows at rest, handshakes, and how fast news travel. */
import { TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import type { LoggedMessage } from '../../mesh/testing/sim-log.js';
import type { SimNode } from '../../mesh/testing/sim-node.js';
import type { SimCluster } from './sim-cluster.js';
import { TraceHash } from './trace-hash.js';

const MTU_BYTES = 1500;
const LOOK_EVERY_MS = 50;
const LOOK_FOR_DEATH_EVERY_MS = 250;
/** Nodes that are watched for a death: their views of all links cost too much to look at everywhere. */
const WATCHERS = 100;

/** Sent by the mean node, per second, and the share of a core that its two processes use. */
export interface Rest {
  readonly bytesPerSecond: number;
  readonly datagramsPerSecond: number;
  readonly cpuShare: number;
}

export class Measures {
  readonly trace = new TraceHash();
  bytes = 0;
  datagrams = 0;
  /** Handshakes that a node has responded to; a repeated response is the same object. */
  responses = 0;
  readonly #responses = new WeakSet<Uint8Array>();

  onMessage({ atMs, from, to, packet, sizeBytes, transit }: LoggedMessage): void {
    this.bytes += sizeBytes;
    this.datagrams += Math.ceil(sizeBytes / MTU_BYTES);
    this.trace.add(atMs);
    this.trace.add(from.number);
    this.trace.add('number' in to ? to.number : 0);
    this.trace.add(sizeBytes);
    this.trace.add(transit.fate.length);
    if (packet.kind !== 'datagram' || packet.bytes[0] !== TYPE_RESPONSE || this.#responses.has(packet.bytes)) return;
    this.#responses.add(packet.bytes);
    this.responses++;
  }

  /** Runs the cluster for a time in which nothing happens. */
  rest(cluster: SimCluster, forMs: number): Rest {
    const { bytes, datagrams } = this;
    const before = busyMs(cluster);
    cluster.network.run(forMs);
    const nodeSeconds = (forMs / 1000) * cluster.living().length;
    return {
      bytesPerSecond: (this.bytes - bytes) / nodeSeconds,
      datagramsPerSecond: (this.datagrams - datagrams) / nodeSeconds,
      cpuShare: (busyMs(cluster) - before) / 1000 / nodeSeconds,
    };
  }
}

/** Links of the cluster: pairs of nodes with a session between them. */
export function countLinks(cluster: SimCluster): number {
  return cluster.living().reduce((sum, { router }) => sum + (router?.active.size ?? 0), 0) / 2;
}

/**
 * Lets the cluster run for a time, and tells when so large a share of the nodes knew `count` other members; null where they never
 * did.
 */
export function timesUntilKnown(
  cluster: SimCluster,
  observers: readonly SimNode[],
  count: number,
  shares: readonly number[],
  forMs: number,
): (number | null)[] {
  const startMs = cluster.network.nowMs;
  const times = shares.map((): number | null => null);
  let unaware = [...observers];
  while (cluster.network.nowMs < startMs + forMs) {
    cluster.network.run(Math.min(LOOK_EVERY_MS, startMs + forMs - cluster.network.nowMs));
    if (unaware.length > 0) unaware = unaware.filter(({ mesh }) => (mesh?.memberCount ?? 0) < count);
    shares.forEach((share, i) => {
      if (unaware.length <= observers.length * (1 - share)) times[i] ??= cluster.network.nowMs - startMs;
    });
  }
  return times;
}

/** Lets the cluster run after the death of a node, and tells when the last node had found it down, with a link to it or without. */
export function timeUntilDown(cluster: SimCluster, dead: SimNode, forMs: number): number | null {
  const startMs = cluster.network.nowMs;
  const living = cluster.living();
  const step = Math.ceil(living.length / WATCHERS);
  let unaware = living.filter((node, i) => i % step === 0 && node.stateOf(dead) !== 'down');
  let lastMs: number | null = unaware.length === 0 ? null : 0;
  while (cluster.network.nowMs < startMs + forMs) {
    cluster.network.run(Math.min(LOOK_FOR_DEATH_EVERY_MS, startMs + forMs - cluster.network.nowMs));
    if (unaware.length === 0) continue;
    unaware = unaware.filter((node) => node.stateOf(dead) !== 'down');
    lastMs = unaware.length === 0 ? cluster.network.nowMs - startMs : null;
  }
  return lastMs;
}

/** Lets the cluster run after a node was revoked, and tells when no other had a link to it; null where one still has. */
export function timeUntilCutOff(cluster: SimCluster, revoked: SimNode, forMs: number): number | null {
  const startMs = cluster.network.nowMs;
  const others = cluster.living().filter((node) => node !== revoked);
  while (cluster.network.nowMs < startMs + forMs) {
    if (others.every((node) => isCutOff(revoked, node))) return cluster.network.nowMs - startMs;
    cluster.network.run(LOOK_EVERY_MS);
  }
  return null;
}

export function isCutOff(revoked: SimNode, other: SimNode): boolean {
  const knows = other.mesh?.revoked().some(({ node }) => node === revoked.id) === true;
  return knows && other.router?.isActive(revoked.id) !== true && other.stateOf(revoked) === 'unknown';
}

function busyMs(cluster: SimCluster): number {
  return cluster.living().reduce((sum, { agentCpu, routerCpu }) => sum + agentCpu.busyMs + routerCpu.busyMs, 0);
}
