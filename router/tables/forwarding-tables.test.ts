import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { Route } from '../../common/router-port.js';
import { Arena } from '../kernel/arena.js';
import { ROUTES_PER_SLICE } from '../limits.js';
import { tableSlices } from '../process/table-slices.js';
import { changedTables, compileTables, EMPTY_TABLES, LOCAL, TablesBuilder } from './forwarding-tables.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { Peers } from './peers.js';
import { addressWords } from './prefix-table.js';
import type { TablesChangeSlice } from '../forwarder-messages.js';
import type { LoopTables } from './forwarding-tables.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const route = (cidr: string, peer: number): Route => ({ cidr: parseCidr(cidr), peer: id(peer) });
const localCidrs = [parseCidr('10.1.0.0/16'), parseCidr('fd00:0:1::/48')];

function compile(routes: readonly Route[], peers = new Peers(new Arena(1 << 20), AF_INET6)): LoopTables {
  return compileTables({ generation: 5, localCidrs, localAddresses: [], routes }, peers);
}
const slice = (generation: number, routes: TablesChangeSlice['routes']): TablesChangeSlice => ({
  type: 'tablesChangeSlice',
  generation,
  localAddresses: null,
  routes,
});
const lookup = (tables: LoopTables, ip: string): number => tables.routes.lookup(...addressWords(parseIpAddress(ip)));

/** What a {@link PrefixTable} answers where no prefix holds the address. */
const NO_ROUTE = -1;

describe('the tables of the loop', () => {
  it('give the index of the peer that owns an address, and LOCAL for local ones', () => {
    const peers = new Peers(new Arena(1 << 20), AF_INET6);
    const tables = compile([route('10.2.0.0/16', 2), route('fd00:0:2::/48', 2), route('10.3.0.0/24', 3)], peers);
    expect(tables.generation).toBe(5);
    expect(lookup(tables, '10.2.9.9')).toBe(peers.find(id(2)));
    expect(lookup(tables, 'fd00:0:2::9')).toBe(peers.find(id(2)));
    expect(lookup(tables, '10.3.0.9')).toBe(peers.find(id(3)));
    expect(lookup(tables, '10.1.0.9')).toBe(LOCAL);
    expect(lookup(tables, '10.3.1.9')).toBe(NO_ROUTE);
  });

  it('prefer a local CIDR to the same claim of a peer', () => {
    const tables = compile([route('10.1.0.0/16', 2), route('fd00:0:1::/48', 2)]);
    expect(lookup(tables, '10.1.0.9')).toBe(LOCAL);
    expect(lookup(tables, 'fd00:0:1::9')).toBe(LOCAL);
  });

  it('leave out peers beyond the bound', () => {
    const peers = new Peers(new Arena(1 << 20), AF_INET6);
    for (let n = 1; n <= MAX_PEERS; n++) peers.indexOf(id(n));
    const tables = compile([route('10.2.0.0/16', MAX_PEERS + 1), route('10.3.0.0/16', 3)], peers);
    expect(lookup(tables, '10.2.0.1')).toBe(NO_ROUTE);
    expect(lookup(tables, '10.3.0.1')).toBe(3);
  });

  it('have the gateway address of each family', () => {
    const { gateway4, gateway6 } = compile([]);
    expect([...gateway4!]).toEqual([10, 1, 0, 1]);
    expect(Buffer.from(gateway6!).toString('hex')).toBe('fd000000000100000000000000000001');
    expect(EMPTY_TABLES.gateway4).toBeNull();
  });

  it('are the same when their routes come in slices', () => {
    const peers = new Peers(new Arena(1 << 20), AF_INET6);
    const routes = Array.from({ length: 5000 }, (_, n) => route(`10.${2 + (n >> 8)}.${n & 255}.0/24`, n + 1));
    const slices = tableSlices({ generation: 5, localCidrs, localAddresses: [], routes });
    expect(slices.map(({ isLast }) => isLast).lastIndexOf(false)).toBe(slices.length - 2);
    expect(Math.max(...slices.map((slice) => slice.routes.length))).toBe(ROUTES_PER_SLICE);
    const { head, routeCount } = slices[0]!.begin!;
    const builder = new TablesBuilder(head, routeCount, peers);
    for (const slice of slices) builder.add(slice.routes);
    for (const n of [0, ROUTES_PER_SLICE - 1, ROUTES_PER_SLICE, 4999]) {
      expect(lookup(builder.tables, `10.${2 + (n >> 8)}.${n & 255}.9`)).toBe(peers.find(id(n + 1)));
    }
    expect(lookup(builder.tables, '10.1.0.9')).toBe(LOCAL);
  });

  it('take changes in place', () => {
    const peers = new Peers(new Arena(1 << 20), AF_INET6);
    const before = compile([route('10.2.0.0/16', 2), route('10.3.0.0/16', 3)], peers);
    const routes = [{ cidr: parseCidr('10.2.0.0/16'), peer: null }, route('10.3.0.0/16', 4)];
    const after = changedTables(before, slice(6, routes), peers);
    expect(after.generation).toBe(6);
    expect(after.routes).toBe(before.routes);
    expect(lookup(after, '10.2.0.9')).toBe(NO_ROUTE);
    expect(lookup(after, '10.3.0.9')).toBe(peers.find(id(4)));
    expect(after.localAddresses).toBe(before.localAddresses);
    const pods = changedTables(after, { ...slice(7, []), localAddresses: [parseIpAddress('10.1.0.7')] }, peers);
    expect(pods.localAddresses.has(...addressWords(parseIpAddress('10.1.0.7')))).toBe(true);
  });

  it('prefer a local CIDR to a claim of a peer that comes and goes', () => {
    const peers = new Peers(new Arena(1 << 20), AF_INET6);
    const tables = compile([], peers);
    changedTables(tables, slice(6, [route('10.1.0.0/16', 2)]), peers);
    expect(lookup(tables, '10.1.0.9')).toBe(LOCAL);
    changedTables(tables, slice(7, [{ cidr: parseCidr('10.1.0.0/16'), peer: null }]), peers);
    expect(lookup(tables, '10.1.0.9')).toBe(LOCAL);
  });

  it('have a slice also without routes', () => {
    const head = { generation: 5, localCidrs, localAddresses: [] };
    expect(tableSlices({ ...head, routes: [] })).toEqual([
      { type: 'tablesSlice', begin: { head, routeCount: 0 }, routes: [], isLast: true },
    ]);
  });

  it('are empty before the first tables of the agent', () => {
    expect(lookup(EMPTY_TABLES, '10.1.0.1')).toBe(NO_ROUTE);
  });
});
