/** Forwarding tables that the router was given, and what is other in newer ones (ADR 0049). */
import type { Cidr } from '../../common/address/cidr.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { changeRoutes, removeRoutesTo } from '../../common/route-changes.js';
import type { ForwardingTables, Route, TablesChange } from '../../common/router-port.js';

export type TablesContent = Omit<ForwardingTables, 'generation'>;

/** All that a change says but its place in the order of tables. */
export type TablesDifference = Omit<TablesChange, 'base' | 'generation'>;

export class GivenTables {
  readonly #localCidrs: readonly Cidr[];
  #localAddresses: readonly IpAddress[];
  readonly #routes: Map<Cidr, NodeId>;

  constructor({ localCidrs, localAddresses, routes }: TablesContent) {
    this.#localCidrs = localCidrs;
    this.#localAddresses = localAddresses;
    this.#routes = new Map(routes.map(({ cidr, peer }) => [cidr, peer]));
  }

  /** Null when it takes whole tables to say it. Takes time in proportion to the routes, and none of the router. */
  difference({ localCidrs, localAddresses, routes }: TablesContent): TablesDifference | null {
    if (!isSame(localCidrs, this.#localCidrs)) return null;
    const changed = routes.filter(({ cidr, peer }) => this.#routes.get(cidr) !== peer);
    return {
      localAddresses: isSame(localAddresses, this.#localAddresses) ? null : localAddresses,
      removed: this.#missingFrom(routes, changed),
      routes: changed,
    };
  }

  /** The router was given a difference. */
  apply({ localAddresses, removed, routes }: TablesDifference): void {
    if (localAddresses !== null) this.#localAddresses = localAddresses;
    changeRoutes(this.#routes, { removed, routes });
  }

  /** The router has removed a peer, and with it the peer's routes. */
  peerRemoved(id: NodeId): void {
    removeRoutesTo(id, this.#routes);
  }

  #missingFrom(routes: readonly Route[], changed: readonly Route[]): Cidr[] {
    const added = changed.filter(({ cidr }) => !this.#routes.has(cidr)).length;
    // Each CIDR has one route: when the numbers agree, none is gone.
    if (this.#routes.size + added === routes.length) return [];
    const wanted = new Set(routes.map(({ cidr }) => cidr));
    return Array.from(this.#routes.keys()).filter((cidr) => !wanted.has(cidr));
  }
}

/** Whether a difference says nothing. */
export function isNone({ localAddresses, removed, routes }: TablesDifference): boolean {
  return localAddresses === null && removed.length === 0 && routes.length === 0;
}

function isSame<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
