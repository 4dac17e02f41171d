/** Check of what liars must not reach: no traffic of others, no state beyond its bounds, and not to be overlooked by the operator. */
import { cidrIncludes } from '../../../common/address/cidr.js';
import { MAX_UNPROVEN_MEMBERS } from '../../../mesh/limits.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import type { LieKind } from '../faults/fault-kinds.js';
import type { SimCluster } from '../sim-cluster.js';
import type { Violations } from './violations.js';

/** Until a node that was disturbed knows again who owns what. */
const SETTLE_MS = 15_000;

export class LieCheck {
  readonly #cluster: SimCluster;
  readonly #violations: Violations;

  constructor(cluster: SimCluster, violations: Violations) {
    this.#cluster = cluster;
    this.#violations = violations;
    cluster.onLieEnded = (liar, kind) => this.#checkNamed(liar, kind);
  }

  look(): void {
    if (this.#cluster.liars.size === 0) return;
    const calm = this.#cluster.members.filter((node) => this.#cluster.isCalm(node, SETTLE_MS));
    for (const observer of calm.filter((node) => !this.#cluster.newcomers.has(node))) {
      this.#checkRoutes(observer, calm);
      this.#checkMembers(observer);
    }
  }

  #checkRoutes(observer: SimNode, owners: readonly SimNode[]): void {
    const liars = new Map([...this.#cluster.liars].map((node) => [node.id, node]));
    for (const { cidr, owner } of observer.mesh?.routes() ?? []) {
      const liar = liars.get(owner);
      if (liar === undefined) continue;
      const robbed = owners.find((node) =>
        node.podCidrs.some((own) => cidrIncludes(cidr, own) || cidrIncludes(own, cidr)),
      );
      if (robbed === undefined) continue;
      const text = `node ${observer.number} sends what is for node ${robbed.number} (${cidr}) to node ${liar.number}, which lies`;
      this.#violations.add('no traffic is taken', [observer.number, robbed.number, liar.number], text);
    }
  }

  #checkMembers({ mesh, number }: SimNode): void {
    const { members = 0 } = mesh?.counters() ?? {};
    const most = this.#cluster.network.nodes.length + MAX_UNPROVEN_MEMBERS;
    if (members <= most) return;
    this.#violations.add(
      'bounded queues and memory',
      [number],
      `node ${number} knows ${members} members, at most ${most}`,
    );
  }

  /** By id, name or address, in the log of an honest node. */
  #checkNamed(liar: SimNode, kind: LieKind): void {
    const names = [liar.id, liar.self.name, liar.address.ip];
    const isNamed = ({ notices }: SimNode): boolean =>
      notices.some(({ level, fields }) => {
        const text = Object.values(fields).join(' ');
        return level !== 'info' && names.some((name) => text.includes(name));
      });
    const naming = this.#cluster.honest().filter(isNamed).length;
    if (naming > 0) return;
    this.#violations.add('a liar is named', [liar.number], `no node names node ${liar.number} of ${kind} in its log`);
  }
}
