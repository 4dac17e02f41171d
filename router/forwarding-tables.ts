/**
 * The forwarding tables of one thread in the form the loop reads, made from the desired state and swapped as a whole.
 * Route values: a peer's index (from 1), or LOCAL for this node's own CIDRs.
 */
import type { ForwardingTables as DesiredTables } from '../common/router-port.js';
import { AddressTable } from './address-table.js';
import type { Peers } from './peers.js';
import { NO_PEER } from './peers.js';
import { PrefixTable } from './prefix-table.js';

export const LOCAL = 0;
export const NO_ROUTE = -1;

export interface LoopTables {
  readonly generation: number;
  readonly routes: PrefixTable;
  readonly endpoints: AddressTable;
}

export const EMPTY_TABLES: LoopTables = {
  generation: 0,
  routes: new PrefixTable([]),
  endpoints: new AddressTable([]),
};

/** Routes to peers beyond MAX_PEERS are left out: their frames count as `noRoute`. */
export function compileTables(desired: DesiredTables, peers: Peers): LoopTables {
  const remote = desired.routes.map(({ cidr, peer }) => ({ cidr, value: peers.indexOf(peer) }));
  return {
    generation: desired.generation,
    routes: new PrefixTable([
      ...remote.filter(({ value }) => value !== NO_PEER),
      ...desired.localCidrs.map((cidr) => ({ cidr, value: LOCAL })),
    ]),
    endpoints: new AddressTable(desired.endpoints),
  };
}
