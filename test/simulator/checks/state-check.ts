/** Checks of the state of nodes: owners of CIDRs, queues and tables once a second, and members at the end. */
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { SimCluster } from '../sim-cluster.js';
import type { Violations } from './violations.js';

/** A conflict is over so long after its nodes have a path to each other, and know each other: one may have no seed that it reaches. */
const OWNER_WITHIN_MS = 15_000;
/** An overload ends so long after its cause. */
const OVERLOAD_WITHIN_MS = 30_000;
const LONG_QUEUE = 512;
/** Of a node per member: one in use, and two that are being replaced or confirmed. */
const SESSIONS_PER_MEMBER = 3;
const SPARE_SESSIONS = 64;
/** Nodes whose members are compared at the end. */
const COMPARED = 100;

export class StateCheck {
  readonly #cluster: SimCluster;
  readonly #violations: Violations;
  readonly #conflictSinceMs = new Map<string, number>();
  readonly #overloadSinceMs = new Map<SimNode, number>();

  constructor(cluster: SimCluster, violations: Violations) {
    this.#cluster = cluster;
    this.#violations = violations;
  }

  look(): void {
    const honest = this.#cluster.honest();
    this.#checkOwners(honest);
    for (const node of honest) this.#checkBounds(node);
  }

  /** Long after the last change: everybody knows everybody, and can send to everybody. */
  lookAtEnd(): void {
    const { members } = this.#cluster;
    const living = members.filter((node) => this.#cluster.isLiving(node));
    const step = Math.ceil(living.length / COMPARED);
    for (const observer of living.filter((_, i) => i % step === 0)) {
      const known = new Set(observer.members().map(({ id }) => id));
      const routed = new Set(observer.usableRoutes());
      const missing = living.filter((node) => node !== observer && !known.has(node.id));
      const unrouted = living.filter((node) => !routed.has(node.podCidrs[0]!));
      for (const node of missing) this.#unequal(observer, node, 'does not know');
      for (const node of unrouted) this.#unequal(observer, node, 'has no usable route to');
    }
  }

  #unequal(observer: SimNode, node: SimNode, what: string): void {
    const pair = [observer.number, node.number];
    this.#violations.add('equal members', pair, `node ${observer.number} ${what} node ${node.number} at the end`);
  }

  #checkOwners(living: readonly SimNode[]): void {
    const owners = new Map<string, SimNode[]>();
    for (const node of living) for (const cidr of node.podCidrs) owners.set(cidr, [...(owners.get(cidr) ?? []), node]);
    for (const [cidr, claimants] of owners) {
      const acting = claimants.length < 2 ? [] : claimants.filter((node) => actsAsOwner(node, cidr));
      if (acting.length < 2) this.#conflictSinceMs.delete(cidr);
      else this.#conflict(cidr, acting);
    }
  }

  #conflict(cidr: string, acting: readonly SimNode[]): void {
    const { nowMs } = this.#cluster.network;
    const knownMs = this.#conflictSinceMs.get(cidr) ?? nowMs;
    const sinceMs = this.#areApart(acting) ? nowMs : knownMs;
    this.#conflictSinceMs.set(cidr, sinceMs);
    if (nowMs - sinceMs < OWNER_WITHIN_MS) return;
    const numbers = acting.map(({ number }) => number);
    this.#violations.add('one owner of a CIDR', numbers, `nodes ${numbers.join(' and ')} act as owner of ${cidr}`);
  }

  #areApart(nodes: readonly SimNode[]): boolean {
    const { paths } = this.#cluster.network;
    const isApart = (from: SimNode, to: SimNode): boolean =>
      paths.properties(from, to).isBlocked || !from.members().some(({ id }) => id === to.id);
    return nodes.some((from) => nodes.some((to) => from !== to && isApart(from, to)));
  }

  #checkBounds(node: SimNode): void {
    const { nowMs } = this.#cluster.network;
    const { agentCpu, routerCpu, router, mesh, number } = node;
    const isOverloaded = Math.max(agentCpu.queued, routerCpu.queued) > LONG_QUEUE;
    if (!isOverloaded) this.#overloadSinceMs.delete(node);
    else if (!this.#overloadSinceMs.has(node)) this.#overloadSinceMs.set(node, nowMs);
    const sinceMs = this.#overloadSinceMs.get(node) ?? nowMs;
    if (nowMs - sinceMs > OVERLOAD_WITHIN_MS && this.#cluster.isCalm(node, OVERLOAD_WITHIN_MS)) {
      const text = `node ${number} is overloaded since ${Math.round(sinceMs / 1000)} s: ${agentCpu.queued} events wait`;
      this.#violations.add('bounded queues and memory', [number], text);
    }
    const { members = 0, sessionSlots = 0 } = mesh?.counters() ?? {};
    if (sessionSlots > SESSIONS_PER_MEMBER * members + SPARE_SESSIONS) {
      const text = `node ${number} has ${sessionSlots} sessions with ${members} members`;
      this.#violations.add('bounded queues and memory', [number], text);
    }
    if (router !== null && router.slotClashes.length > 0) {
      this.#violations.add('bounded queues and memory', [number], `node ${number} used a session slot twice`);
    }
  }
}

function actsAsOwner({ mesh }: SimNode, cidr: string): boolean {
  return mesh?.lostClaims().some((lost) => lost.cidr === cidr) === false;
}
