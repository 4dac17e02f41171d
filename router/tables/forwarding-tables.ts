/**
 * Forwarding tables of one thread in the form the loop reads, made from the desired state and swapped as a whole, or changed. Route
 * values: a peer's index (from 1), or LOCAL for this node's own CIDRs.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { cidrFamily, cidrSize, gatewayOf } from '../../common/address/cidr.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import { ipToBytes } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { ForwardingTables as DesiredTables, Route } from '../../common/router-port.js';
import { AddressSet } from './address-set.js';
import type { Peers } from './peers.js';
import { NO_PEER } from './peers.js';
import { PrefixTable } from './prefix-table.js';

export const LOCAL = 0;

export interface LoopTables {
  readonly generation: number;
  /** This node's gateway addresses as bytes, source of its ICMP errors. Null for a family without a CIDR. */
  readonly gateway4: Uint8Array | null;
  readonly gateway6: Uint8Array | null;
  readonly routes: PrefixTable;
  /** This node's pod CIDRs: what peers send must go to one of them. */
  readonly localCidrs: PrefixTable;
  /** Those of pods and gateways here: what comes from the inside must come from one of them. */
  readonly localAddresses: AddressSet;
}

export const EMPTY_TABLES: LoopTables = {
  generation: 0,
  gateway4: null,
  gateway6: null,
  routes: new PrefixTable([]),
  localCidrs: new PrefixTable([]),
  localAddresses: new AddressSet([]),
};

/** All of the desired state but the routes. */
export type TablesHead = Omit<DesiredTables, 'routes'>;

/** What is other in newer tables. */
export interface ChangedRoutes {
  readonly generation: number;
  /** All of them when they changed, or null. */
  readonly localAddresses: readonly IpAddress[] | null;
  /** Peer null: the route is gone. */
  readonly routes: readonly { readonly cidr: Cidr; readonly peer: NodeId | null }[];
}

/** Tables of the loop while their routes come in slices. */
export class TablesBuilder {
  readonly tables: LoopTables;
  readonly #peers: Peers;

  /** @param routeCount routes that will be added, at most */
  constructor({ generation, localCidrs, localAddresses }: TablesHead, routeCount: number, peers: Peers) {
    const local = localCidrs.map((cidr) => ({ cidr, value: LOCAL }));
    this.#peers = peers;
    this.tables = {
      generation,
      gateway4: gatewayBytes(localCidrs, 4),
      gateway6: gatewayBytes(localCidrs, 6),
      // Of equal prefixes the first is found: a peer's claim cannot replace a local CIDR.
      routes: new PrefixTable(local, local.length + routeCount),
      localCidrs: new PrefixTable(local),
      localAddresses: new AddressSet(localAddresses),
    };
  }

  /** Routes to peers beyond MAX_PEERS are left out: their frames count as `noRoute`. */
  add(routes: readonly Route[]): void {
    for (const { cidr, peer } of routes) {
      const value = this.#peers.indexOf(peer);
      if (value !== NO_PEER) this.tables.routes.add(cidr, value);
    }
  }
}

/**
 * Newer tables: the routes change in place, for all who hold them. At most as many are added as the tables were made for.
 * @param peers gives the index of a peer; routes to peers beyond MAX_PEERS are left out
 */
export function changedTables(tables: LoopTables, change: ChangedRoutes, peers: Peers): LoopTables {
  const { generation, localAddresses, routes } = change;
  for (const { cidr, peer } of routes) {
    // A peer's claim cannot replace a local CIDR.
    if (tables.localCidrs.has(cidr)) continue;
    const value = peer === null ? NO_PEER : peers.indexOf(peer);
    if (value === NO_PEER) tables.routes.delete(cidr);
    else tables.routes.set(cidr, value);
  }
  return {
    ...tables,
    generation,
    localAddresses: localAddresses === null ? tables.localAddresses : new AddressSet(localAddresses),
  };
}

export function compileTables(desired: DesiredTables, peers: Peers): LoopTables {
  const builder = new TablesBuilder(desired, desired.routes.length, peers);
  builder.add(desired.routes);
  return builder.tables;
}

function gatewayBytes(localCidrs: readonly Cidr[], family: IpFamily): Uint8Array | null {
  const cidr = localCidrs.find((candidate) => cidrFamily(candidate) === family && cidrSize(candidate) > 1n);
  return cidr === undefined ? null : ipToBytes(gatewayOf(cidr));
}
