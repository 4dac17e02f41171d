import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { parseCidr } from '../../common/address/cidr.js';
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import type { Route, TablesChange } from '../../common/router-port.js';
import type { TablesChangeSlice, TablesSlice } from '../forwarder-messages.js';
import { Arena } from '../kernel/arena.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { ROUTES_PER_SLICE } from '../limits.js';
import { changedTables, EMPTY_TABLES, TablesBuilder } from '../tables/forwarding-tables.js';
import { Peers } from '../tables/peers.js';
import { addressWords } from '../tables/prefix-table.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { KeptTables } from './kept-tables.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const cidr = (n: number) => parseCidr(`10.${2 + (n >> 8)}.${n & 255}.0/24`);
const route = (n: number, peer = n + 1): Route => ({ cidr: cidr(n), peer: id(peer) });
const head = { localCidrs: [parseCidr('10.1.0.0/16')], localAddresses: [] };
const tables = (generation: number, count: number) => ({
  ...head,
  generation,
  routes: Array.from({ length: count }, (_, n) => route(n)),
});
const change = (base: number, part: Partial<TablesChange>): TablesChange => {
  return { base, generation: base + 1, localAddresses: null, removed: [], routes: [], ...part };
};

/** Tables of a thread that takes what it is told. */
class Thread {
  readonly peers = new Peers(new Arena(8 << 20), AF_INET6);
  #tables = EMPTY_TABLES;
  #builder: TablesBuilder | null = null;

  take(parts: readonly (TablesSlice | TablesChangeSlice)[]): void {
    for (const part of parts) {
      if (part.type === 'tablesChangeSlice') {
        this.#tables = changedTables(this.#tables, part, this.peers);
        continue;
      }
      if (part.begin !== null) this.#builder = new TablesBuilder(part.begin.head, part.begin.routeCount, this.peers);
      this.#builder!.add(part.routes);
      if (part.isLast) this.#tables = this.#builder!.tables;
    }
  }

  /** The peer of a route, or null. */
  peerOf(n: number): NodeId | null {
    const address = parseIpAddress(cidr(n).replace('0/24', '9'));
    const value = this.#tables.routes.lookup(...addressWords(address));
    return value < 0 ? null : (this.peers.idOf(value) ?? null);
  }
}

describe('kept tables', () => {
  it('tell the threads of a change in few routes', () => {
    const kept = new KeptTables();
    kept.take(tables(1, 5000));
    const parts = kept.change(change(1, { removed: [cidr(7)], routes: [route(5000)] }));
    expect(parts).toEqual([
      {
        type: 'tablesChangeSlice',
        generation: 2,
        localAddresses: null,
        routes: [{ cidr: cidr(7), peer: null }, route(5000)],
      },
    ]);
    expect(kept.whole).toMatchObject({ generation: 2, localCidrs: head.localCidrs });
    expect(kept.whole!.routes).toHaveLength(5000);
  });

  it('cut a large change, and one for which the threads have no room is whole tables in slices', () => {
    const kept = new KeptTables();
    kept.take(tables(1, 1000));
    const some = Array.from({ length: 300 }, (_, n) => route(1000 + n));
    expect(kept.change(change(1, { routes: some })).map(({ routes }) => routes.length)).toEqual([
      ROUTES_PER_SLICE,
      ROUTES_PER_SLICE,
      300 - 2 * ROUTES_PER_SLICE,
    ]);
    const more = Array.from({ length: 300 }, (_, n) => route(1300 + n));
    const parts = kept.change(change(2, { routes: more }));
    expect(parts.every(({ type }) => type === 'tablesSlice')).toBe(true);
    expect(parts.flatMap(({ routes }) => routes)).toHaveLength(1600);
  });

  it('refuse a change of other tables', () => {
    const kept = new KeptTables();
    expect(() => kept.change(change(0, {}))).toThrow(DecodeError);
    kept.take(tables(3, 1));
    expect(() => kept.change(change(2, {}))).toThrow('change of tables 2, but the router has 3');
  });

  it('drop the routes of a peer that is removed', () => {
    const kept = new KeptTables();
    kept.take(tables(1, 3));
    kept.removePeer(id(2));
    expect(kept.whole!.routes).toEqual([route(0), route(2)]);
  });

  it('lead to the same routes in a thread as whole tables would', () => {
    const n = fc.nat(40);
    const part = fc.record({
      removed: fc.array(n, { maxLength: 4 }),
      routes: fc.array(fc.tuple(n, fc.integer({ min: 1, max: 5 })), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const [kept, thread] = [new KeptTables(), new Thread()];
        thread.take(kept.take(tables(1, 20)));
        parts.forEach(({ removed, routes }, i) => {
          const told = { removed: removed.map(cidr), routes: routes.map(([at, peer]) => route(at, peer)) };
          thread.take(kept.change(change(1 + i, told)));
        });
        const wanted = new Map(kept.whole!.routes.map(({ cidr: block, peer }) => [block, peer]));
        for (let at = 0; at <= 40; at++) expect(thread.peerOf(at)).toBe(wanted.get(cidr(at)) ?? null);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
