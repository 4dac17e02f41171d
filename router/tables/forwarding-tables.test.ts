import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { Route } from '../../common/router-port.js';
import { Arena } from '../kernel/arena.js';
import { compileTables, EMPTY_TABLES, LOCAL } from './forwarding-tables.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { Peers } from './peers.js';
import { addressWords } from './prefix-table.js';
import type { LoopTables } from './forwarding-tables.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const route = (cidr: string, peer: number): Route => ({ cidr: parseCidr(cidr), peer: id(peer) });
const localCidrs = [parseCidr('10.1.0.0/16'), parseCidr('fd00:0:1::/48')];

function compile(routes: readonly Route[], peers = new Peers(new Arena(1 << 20), AF_INET6)): LoopTables {
  return compileTables({ generation: 5, localCidrs, localAddresses: [], routes }, peers);
}
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

  it('are empty before the first tables of the agent', () => {
    expect(lookup(EMPTY_TABLES, '10.1.0.1')).toBe(NO_ROUTE);
  });
});
