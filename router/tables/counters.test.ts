import { describe, expect, it } from '@jest/globals';
import { Counters, dropsByName } from './counters.js';
import { DROP, DROP_REASONS } from './drop-reasons.js';
import { MAX_PEERS } from '../../common/protocol.js';

describe('the counters of a thread', () => {
  it('name the drops that occurred, and only those', () => {
    const counters = new Counters();
    expect(dropsByName(counters.drops)).toEqual({});
    counters.drops[DROP.badTag]!++;
    counters.drops[DROP.replayed]! += 2;
    expect(dropsByName(counters.drops)).toEqual({ replayed: 2, badTag: 1 });
  });

  it('have a place for every reason', () => {
    const counters = new Counters();
    for (const reason of DROP_REASONS) counters.drops[DROP[reason]]!++;
    expect(Object.keys(dropsByName(counters.drops))).toEqual([...DROP_REASONS]);
  });

  it('add up per peer and keep peers apart', () => {
    const counters = new Counters();
    counters.sent(1, 2, 300);
    counters.sent(1, 1, 60);
    counters.received(1, 5, 1000);
    counters.heard(1, 77.5);
    counters.lossReported(1, 0.25);
    counters.sent(MAX_PEERS, 1, 2 ** 40);
    const one = { txBytes: 360, txFrames: 3, rxBytes: 1000, rxFrames: 5, lastReceivedMs: 77.5, lossRatio: 0.25 };
    expect(counters.totals(1)).toEqual(one);
    expect(counters.totals(MAX_PEERS)).toMatchObject({ txBytes: 2 ** 40, rxBytes: 0 });
    counters.forget(1);
    expect(Object.values(counters.totals(1)).every((value) => value === 0)).toBe(true);
    expect(counters.totals(MAX_PEERS).txFrames).toBe(1);
  });

  it('name the peers that changed, each once, until they are settled', () => {
    const counters = new Counters();
    counters.sent(1, 1, 1);
    counters.received(1, 1, 1);
    counters.heard(2, 5);
    counters.lossReported(MAX_PEERS, 0.5);
    expect([...counters.changed(10)].sort((a, b) => a - b)).toEqual([1, 2, MAX_PEERS]);
    expect(counters.changedCount).toBe(3);
    counters.settle(counters.changed(2));
    expect(counters.changedCount).toBe(1);
    counters.settle(counters.changed(2));
    expect(counters.changed(10)).toHaveLength(0);
    counters.sent(2, 1, 1);
    expect([...counters.changed(10)]).toEqual([2]);
  });

  it('have room for all peers among those that changed, and forget them with the counts', () => {
    const counters = new Counters();
    for (let peer = 0; peer <= MAX_PEERS; peer++) counters.heard(peer, 1);
    expect(counters.changed(Infinity)).toHaveLength(MAX_PEERS + 1);
    counters.clear();
    expect(counters.changedCount).toBe(0);
    counters.heard(7, 1);
    expect([...counters.changed(10)]).toEqual([7]);
  });
});
