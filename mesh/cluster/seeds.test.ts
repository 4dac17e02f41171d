import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { Dialer } from '../peer/dial.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { Seeds } from './seeds.js';

const A = 'a'.repeat(32) as NodeId;
const B = 'b'.repeat(32) as NodeId;
const ADDRESS_A = parseSocketAddress('192.0.2.1', 6785);
const ADDRESS_B = parseSocketAddress('192.0.2.2', 6785);

/** Seeds that are members from the first look on, and how often one was dialled. */
class Bench {
  readonly members = new Set<NodeId>([A, B]);
  forgotten = 0;
  dials = 0;
  readonly seeds: Seeds;

  constructor() {
    const dialer: Pick<Dialer, 'tryNow' | 'end'> = {
      tryNow: (dial, _target, nowMs) => {
        this.dials++;
        return { ...dial, nextMs: nowMs + 1_000 };
      },
      end: (dial) => dial,
    };
    this.seeds = new Seeds({
      dialer: dialer as Dialer,
      underlay: { mtuBytes: 1500, ownAddresses: [] },
      random: new SeededRandom(1),
      isMember: (id) => this.members.has(id),
      forgottenCount: () => this.forgotten,
      isLinked: () => false,
      linkedAt: ({ ip }) => [A, B].find((id) => this.members.has(id) && (id === A) === (ip === ADDRESS_A.ip)) ?? null,
      memberAt: () => null,
      memberCount: () => this.members.size,
      open: () => undefined,
      resolved: () => undefined,
    });
    this.seeds.replace([ADDRESS_A, ADDRESS_B], 0);
  }
}

describe('seeds', () => {
  it('that are members are not looked at until a member is forgotten: then that one is dialled', () => {
    const bench = new Bench();
    bench.seeds.advance(0);
    expect([bench.dials, bench.seeds.pollAt()]).toEqual([0, null]);
    bench.members.delete(A);
    bench.forgotten++;
    bench.seeds.advance(1_000);
    expect([bench.dials, bench.seeds.pollAt()]).toEqual([1, 2_000]);
  });

  it.each([
    ['the list is another', (seeds: Seeds) => seeds.replace([parseSocketAddress('192.0.2.3', 6785)], 1_000)],
    ['all handshakes were dropped', (seeds: Seeds) => seeds.restart(1_000)],
  ])('are looked at again when %s', (_what, change) => {
    const bench = new Bench();
    bench.seeds.advance(0);
    bench.members.clear();
    change(bench.seeds);
    expect(bench.seeds.pollAt()).toBe(1_000);
  });
});
