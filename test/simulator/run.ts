/**
 * One simulation from its plan to its outcome.
 *
 * ```
 *   start    at rest   a node joins   a node dies   faults ............. healing   at rest
 *   0 s      20 s      30 s           38 s          50 s      M min - 45 s         M min - 10 s
 * ```
 * When all know all only later than 20 s, all that follows is as much later, and the run is longer.
 */
import { MTU_CONFIRM_MS } from '../../mesh/limits.js';
import type { FirstPacketTimes } from './checks/first-packets.js';
import { LieCheck } from './checks/lie-check.js';
import { LinkCheck } from './checks/link-check.js';
import { StateCheck } from './checks/state-check.js';
import { Traffic } from './checks/traffic.js';
import { Violations } from './checks/violations.js';
import type { Violation } from './checks/violations.js';
import { isLie, planFaults } from './faults/fault-kinds.js';
import type { Fault } from './faults/fault-kinds.js';
import { scheduleFaults } from './faults/fault-schedule.js';
import { heapBytes } from './heap.js';
import { countLinks, isCutOff, Measures, timesUntilKnown, timeUntilCutOff, timeUntilDown } from './measures.js';
import type { Rest } from './measures.js';
import type { SimOptions } from './sim-arguments.js';
import { SimCluster } from './sim-cluster.js';

const START_MS = 20_000;
const MAX_START_MS = 120_000;
/** Agents that are restarted after a revocation, in a cluster of more. */
const RESTARTED = 300;
const REST_MS = 10_000;
/** Without frames before the end, after which data links are quiet. */
const QUIET_MS = 12_000;
const JOIN_MS = 8_000;
const DEATH_MS = 12_000;
const HEALING_MS = 35_000;
const REVOKED_WITHIN_MS = 5_000;
const RESTARTED_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 1_000;
/** Every link of so many nodes is looked at, at each change of one; of more, some nodes once a second. */
const ALL_LINKS_OF = 64;
const WATCHED = 32;
const MAX_HANDSHAKES_PER_LINK = 1.2;
/** Of the traffic at rest before, per link. */
const REST_AGAIN = 1.5;
/** An initiation every 5 s to a node that is dead. */
const DIAL_BYTES_PER_SECOND = 300;
/** A path-MTU probe of one end of a link; the window at rest after the start lies between two of them. */
const MTU_BYTES_PER_SECOND = (1500 * 1000) / MTU_CONFIRM_MS;

export interface RunPlan {
  readonly seed: number;
  readonly nodes: number;
  readonly minutes: number;
  readonly cpu: number;
  readonly loss: number;
  readonly faults: readonly Fault[];
}

/** What is measured, of one run or of several. */
export interface Figures {
  readonly violations: number;
  readonly startMs: number | null;
  readonly join999Ms: number | null;
  readonly joinAllMs: number | null;
  readonly detectMs: number | null;
  readonly revokeMs: number | null;
  readonly restBytesPerSecond: number;
  readonly restDatagramsPerSecond: number;
  readonly agentMiB: number;
  readonly cpuShare: number;
  readonly handshakesPerLink: number;
  readonly falseDeaths: number;
  readonly links: number;
  readonly eventsLost: number;
  readonly frames: { readonly sent: number; readonly arrived: number; readonly refused: number };
  readonly trace: string;
  /** Null where no frame went to a member without a link. */
  readonly firstPacketMs: FirstPacketTimes | null;
  readonly firstPacketsLost: number;
}

export interface RunOutcome extends Figures {
  readonly seed: number;
  readonly kept: readonly Violation[];
  readonly diagram: string | null;
}

export function planRun({ nodes, minutes, cpu, loss, faults }: SimOptions, seed: number): RunPlan {
  const fromMs = START_MS + REST_MS + JOIN_MS + DEATH_MS;
  const untilMs = minutes * 60_000 - HEALING_MS - REST_MS;
  return { seed, nodes, minutes, cpu, loss, faults: planFaults(faults, seed, fromMs, untilMs) };
}

export function runSimulation(plan: RunPlan): RunOutcome {
  const emptyHeap = heapBytes();
  const run = new Run(plan);
  const outcome = run.run();
  return { ...outcome, agentMiB: round((heapBytes() - emptyHeap) / plan.nodes / 2 ** 20, 2) };
}

class Run {
  readonly #plan: RunPlan;
  readonly #measures = new Measures();
  readonly #cluster: SimCluster;
  readonly #violations: Violations;
  readonly #traffic: Traffic;
  readonly #links: LinkCheck;
  readonly #state: StateCheck;
  readonly #lies: LieCheck;
  #isWatched = true;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#cluster = new SimCluster(plan.seed, plan.cpu, (message) => this.#measures.onMessage(message), plan.nodes);
    if (plan.loss > 0) this.#cluster.losePackets(plan.loss);
    this.#violations = new Violations(this.#cluster);
    this.#traffic = new Traffic(this.#cluster, this.#violations, plan.seed);
    this.#links = new LinkCheck(this.#cluster, this.#violations);
    this.#state = new StateCheck(this.#cluster, this.#violations);
    this.#lies = new LieCheck(this.#cluster, this.#violations);
  }

  run(): Omit<RunOutcome, 'agentMiB'> {
    const { nodes, minutes } = this.#plan;
    const cluster = this.#cluster;
    const { network } = cluster;
    cluster.start(nodes);
    this.#lookAlways();
    const startMs = this.#start();
    const lateMs = network.nowMs - START_MS;
    const endMs = minutes * 60_000 + lateMs;
    const links = countLinks(cluster);
    const handshakesPerLink = this.#measures.responses / Math.max(1, links);
    const rest = this.#measures.rest(cluster, REST_MS);
    const [join999Ms = null, joinAllMs = null] = this.#join();
    const detectMs = this.#die();
    this.#traffic.run(endMs - REST_MS - QUIET_MS);
    if (this.#plan.faults.some(({ kind }) => isLie(kind))) cluster.restartAgents();
    scheduleFaults(
      cluster,
      this.#plan.faults.map((fault) => ({ ...fault, atMs: fault.atMs + lateMs })),
    );
    network.run(endMs - REST_MS - network.nowMs);
    const restAfter = this.#measures.rest(cluster, REST_MS);
    this.#isWatched = false;
    this.#checkHandshakes(handshakesPerLink);
    this.#state.lookAtEnd();
    this.#checkRest(rest, links, restAfter);
    const revokeMs = this.#revoke();
    const { sent, arrived, refused, firstPackets } = this.#traffic;
    return {
      seed: this.#plan.seed,
      violations: this.#violations.count,
      ...{ startMs, join999Ms, joinAllMs, detectMs, revokeMs },
      restBytesPerSecond: round(rest.bytesPerSecond, 1),
      restDatagramsPerSecond: round(rest.datagramsPerSecond, 2),
      cpuShare: round(rest.cpuShare, 5),
      handshakesPerLink: round(handshakesPerLink, 3),
      falseDeaths: this.#links.falseDeaths,
      links,
      frames: { sent, arrived, refused },
      eventsLost: network.nodes.reduce((sum, { agentCpu, routerCpu }) => sum + agentCpu.refused + routerCpu.refused, 0),
      trace: this.#measures.trace.text,
      firstPacketMs: firstPackets.times,
      firstPacketsLost: firstPackets.lost,
      kept: this.#violations.kept,
      diagram: this.#violations.diagram,
    };
  }

  /** For START_MS, or until all know all. */
  #start(): number | null {
    const cluster = this.#cluster;
    const others = this.#plan.nodes - 1;
    const [startMs = null] = timesUntilKnown(cluster, cluster.living(), others, [1], START_MS);
    while (startMs === null && cluster.network.nowMs < MAX_START_MS) {
      const [moreMs = null] = timesUntilKnown(cluster, cluster.living(), others, [1], LOOK_EVERY_MS);
      if (moreMs !== null) return cluster.network.nowMs - LOOK_EVERY_MS + moreMs;
    }
    return startMs;
  }

  /** One more node; the others had a complete view before. */
  #join(): (number | null)[] {
    const cluster = this.#cluster;
    const observers = cluster.living();
    const newcomer = cluster.add({});
    newcomer.start(cluster.seedsOf(newcomer));
    cluster.members.push(newcomer);
    return timesUntilKnown(cluster, observers, this.#plan.nodes, [0.999, 1], JOIN_MS);
  }

  /** The node that has joined dies, and comes back. */
  #die(): number | null {
    const cluster = this.#cluster;
    const dying = cluster.members.at(-1)!;
    cluster.kill(dying);
    const detectMs = timeUntilDown(cluster, dying, DEATH_MS);
    cluster.revive(dying);
    return detectMs;
  }

  /** The operator of one node revokes another, which lives on; then all agents restart. */
  #revoke(): number | null {
    const cluster = this.#cluster;
    const [first, ...others] = cluster.members.filter((node) => cluster.isLiving(node));
    const revoked = others.at(-1);
    if (first === undefined || revoked === undefined) return null;
    first.handle({ type: 'revoke', node: revoked.id, isRevoked: true });
    const revokeMs = timeUntilCutOff(cluster, revoked, REVOKED_WITHIN_MS);
    cluster.restartAgents(RESTARTED);
    cluster.network.run(RESTARTED_WITHIN_MS);
    const linked = cluster.honest().filter((node) => node !== revoked && !isCutOff(revoked, node));
    for (const { number } of linked) {
      const text = `node ${number} has a link to node ${revoked.number}, which was revoked`;
      this.#violations.add('revoked in 5 s', [number, revoked.number], text);
    }
    if (revokeMs === null) this.#violations.add('revoked in 5 s', [revoked.number], 'not all nodes know of it in time');
    return revokeMs;
  }

  /** Until {@link #isWatched} ends. */
  #lookAlways(): void {
    const { network } = this.#cluster;
    const watchAll = this.#plan.nodes <= ALL_LINKS_OF;
    const look = (): void => {
      if (!this.#isWatched) return;
      const living = this.#cluster.living();
      this.#state.look();
      this.#lies.look();
      for (const node of watchAll ? living : living.slice(0, WATCHED)) {
        this.#links.look(node);
        if (watchAll) node.onRoutesChanged = () => this.#links.look(node);
      }
      network.at(network.nowMs + LOOK_EVERY_MS, look);
    };
    look();
  }

  #checkHandshakes(perLink: number): void {
    if (perLink <= MAX_HANDSHAKES_PER_LINK) return;
    const text = `${perLink.toFixed(2)} handshakes for each link of the start, at most ${MAX_HANDSHAKES_PER_LINK}`;
    this.#violations.add('handshakes per link', [], text);
  }

  #checkRest(before: Rest, linksBefore: number, after: Rest): void {
    const links = countLinks(this.#cluster);
    const growth = links / Math.max(1, linksBefore);
    const dials = this.#cluster.removed * DIAL_BYTES_PER_SECOND;
    const mtuProbes = ((2 * links) / this.#cluster.living().length) * MTU_BYTES_PER_SECOND;
    const allowed = before.bytesPerSecond * growth * REST_AGAIN + dials + mtuProbes;
    if (after.bytesPerSecond <= allowed) return;
    const text = `a node sends ${after.bytesPerSecond.toFixed(0)} bytes a second at the end, at most ${allowed.toFixed(0)}`;
    this.#violations.add('rest after faults', [], text);
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
