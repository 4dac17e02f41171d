import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters } from '../../common/router-port.js';
import { PeerTotals } from './peer-totals.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;

function traffic(peer: number, n: number, lastReceivedMsAgo: number | null, lossRatio = 0): PeerCounters {
  const counts = { txBytes: n, txFrames: n + 1, rxBytes: n + 2, rxFrames: n + 3 };
  return { peer: id(peer), ...counts, lastReceivedMsAgo, lossRatio };
}

const of = (...peers: PeerCounters[]) => ({ removed: [], peers });

describe('totals of peers over all forwarding threads', () => {
  it('add up traffic, with what a thread reported earlier', () => {
    const totals = new PeerTotals();
    totals.take(0, of(traffic(1, 10, 500), traffic(2, 1, null)), 1000);
    totals.take(1, of(traffic(1, 100, 20)), 1000);
    const both = { txBytes: 110, txFrames: 112, rxBytes: 114, rxFrames: 116 };
    expect(totals.takeChanges(1000).peers).toEqual([
      { peer: id(1), ...both, lastReceivedMsAgo: 20, lossRatio: 0 },
      traffic(2, 1, null),
    ]);
    totals.take(1, of(traffic(1, 101, null)), 2000);
    expect(totals.takeChanges(2000).peers).toMatchObject([{ peer: id(1), txBytes: 111 }]);
  });

  it('give what has changed once, and all peers when asked', () => {
    const totals = new PeerTotals();
    totals.take(0, of(traffic(1, 10, null), traffic(2, 1, null)), 0);
    expect(totals.takeChanges(0).peers).toHaveLength(2);
    expect(totals.haveChanged).toBe(false);
    expect(totals.takeChanges(0)).toEqual({ peers: [], removed: [] });
    totals.take(0, of(traffic(2, 5, null)), 0);
    expect(totals.haveChanged).toBe(true);
    expect(totals.takeAll(0).map(({ peer }) => peer)).toEqual([id(1), id(2)]);
    expect(totals.takeChanges(0).peers).toEqual([]);
  });

  it('age while a peer is not reported', () => {
    const totals = new PeerTotals();
    totals.take(0, of(traffic(1, 0, 5)), 1000);
    expect(totals.takeAll(61_000)).toMatchObject([{ lastReceivedMsAgo: 60_005 }]);
  });

  it.each([
    [null, null, null],
    [null, 5, 5],
    [7, null, 7],
    [7, 5, 5],
  ])('take the youngest sign of life: of %p and %p, %p', (a, b, expected) => {
    const totals = new PeerTotals();
    totals.take(0, of(traffic(1, 0, a)), 100);
    totals.take(1, of(traffic(1, 0, b)), 100);
    expect(totals.takeChanges(100).peers[0]!.lastReceivedMsAgo).toBe(expected);
  });

  it('take the worst loss', () => {
    const totals = new PeerTotals();
    totals.take(0, of(traffic(1, 0, null, 0.1)), 0);
    totals.take(1, of(traffic(1, 0, null, 0.3)), 0);
    expect(totals.takeChanges(0).peers[0]!.lossRatio).toBe(0.3);
  });

  it('have a peer no more when all threads have forgotten it, and begin anew when it comes back', () => {
    const totals = new PeerTotals();
    for (const lane of [0, 1]) totals.take(lane, of(traffic(1, 10, null)), 0);
    totals.takeChanges(0);
    const gone = { removed: [id(1), id(3)], peers: [] };
    totals.take(0, gone, 0);
    expect(totals.takeChanges(0)).toMatchObject({ removed: [], peers: [{ txBytes: 10 }] });
    totals.take(1, gone, 0);
    expect(totals.takeChanges(0)).toEqual({ removed: [id(1)], peers: [] });
    expect(totals.takeAll(0)).toEqual([]);
    totals.take(0, { removed: [id(1)], peers: [traffic(1, 2, null)] }, 0);
    expect(totals.takeChanges(0)).toMatchObject({ removed: [], peers: [{ txBytes: 2 }] });
  });
});
