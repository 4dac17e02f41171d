import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../../common/node-id.js';
import type { CountersChange, PeerCounters } from '../../../common/router-port.js';
import { ReportedCounters } from './reported-counters.js';

const id = (digit: string) => digit.repeat(32) as NodeId;

function counters(digit: string, txBytes: number, rxBytes = 0): PeerCounters {
  const frames = { txFrames: 1, rxFrames: 1 };
  return { peer: id(digit), txBytes, rxBytes, ...frames, lastReceivedMsAgo: 5, lossRatio: 0 };
}

const report = (peers: PeerCounters[], part?: CountersChange['part'], removed: NodeId[] = []) => ({
  type: 'counters' as const,
  drops: {},
  peers,
  sessions: [],
  ...(part === undefined ? {} : { changes: { part, removed } }),
});

/** Of a router that reports changes, and of one that reports all peers every time. */
function bothWays() {
  const [changes, whole] = [new ReportedCounters(), new ReportedCounters()];
  const known = new Map<NodeId, PeerCounters>();
  let part: CountersChange['part'] = 'first';
  return {
    changes,
    whole,
    take: (peers: PeerCounters[], nowMs: number) => {
      for (const peer of peers) known.set(peer.peer, peer);
      changes.take(report(peers, part), nowMs);
      whole.take(report([...known.values()]), nowMs);
      part = 'change';
    },
  };
}

describe('counters as the router reports them', () => {
  it('hold what was reported of a peer until it is reported again', () => {
    const reported = new ReportedCounters();
    reported.take(report([counters('a', 1), counters('b', 2)], 'first'), 0);
    reported.take(report([counters('c', 3)], 'rest'), 0);
    reported.take(report([counters('b', 5)], 'change'), 1000);
    expect([...reported.byPeer.values()].map(({ txBytes }) => txBytes)).toEqual([1, 5, 3]);
  });

  it('hold a peer no more when the router has forgotten it, and begin anew when it comes back at once', () => {
    const reported = new ReportedCounters();
    reported.take(report([counters('a', 1), counters('b', 2)], 'first'), 0);
    reported.take(report([counters('a', 7)], 'change', [id('a'), id('b')]), 1000);
    expect([...reported.byPeer.values()]).toEqual([counters('a', 7)]);
  });

  it.each(['first', undefined] as const)('hold only what a report of all peers has (part: %p)', (part) => {
    const reported = new ReportedCounters();
    reported.take(report([counters('a', 1), counters('b', 2)], 'first'), 0);
    reported.take(report([counters('b', 3)], part), 1000);
    expect([...reported.byPeer.values()]).toEqual([counters('b', 3)]);
    expect(reported.rates(id('a'), 1000)).toEqual([0, 0]);
  });

  it('give no rate to what a peer had before this agent came, in whichever piece it is', () => {
    const reported = new ReportedCounters();
    reported.take(report([counters('a', 1e9)], 'first'), 0);
    reported.take(report([counters('b', 1e9)], 'rest'), 1);
    reported.take(report([], 'change'), 1000);
    for (const peer of ['a', 'b']) expect(reported.rates(id(peer), 1000)).toEqual([0, 0]);
  });

  it('give the rates that whole reports give: of the last interval, whenever a peer moved before', () => {
    const { changes, whole, take } = bothWays();
    const seen: (readonly number[])[] = [];
    const look = (nowMs: number) => {
      expect(changes.rates(id('a'), nowMs)).toEqual(whole.rates(id('a'), nowMs));
      seen.push(changes.rates(id('a'), nowMs));
    };
    // Another peer keeps the reports coming.
    const other = (nowMs: number) => counters('f', nowMs);
    take([counters('a', 1000), other(0)], 0);
    look(0);
    take([counters('a', 2000, 500), other(1000)], 1000);
    look(1000);
    take([counters('a', 4000, 500), other(2000)], 2000);
    look(2000);
    for (let nowMs = 3000; nowMs <= 60_000; nowMs += 1000) {
      take([other(nowMs)], nowMs);
      look(nowMs);
    }
    take([counters('a', 5000, 500), other(61_000)], 61_000);
    look(61_000);
    take([other(62_000)], 62_000);
    look(62_000);
    expect([...seen.slice(0, 4), ...seen.slice(-3)]).toEqual([
      [0, 0],
      [8000, 4000],
      [16_000, 0],
      [0, 0],
      [0, 0],
      [8000, 0],
      [0, 0],
    ]);
  });

  it('lose no bytes of a report that comes too soon after the one before', () => {
    const { changes, take } = bothWays();
    take([counters('a', 0), counters('f', 0)], 0);
    take([counters('f', 1)], 1000);
    take([counters('a', 1000), counters('f', 2)], 1100);
    take([counters('f', 3)], 2000);
    expect(changes.rates(id('a'), 2000)).toEqual([8000, 0]);
  });

  it('give a rate to the first traffic of a peer', () => {
    const reported = new ReportedCounters();
    reported.take(report([], 'first'), 0);
    reported.take(report([counters('a', 1000)], 'change'), 1000);
    expect(reported.rates(id('a'), 1000)).toEqual([8000, 0]);
  });

  it('fall to no rate when no reports come', () => {
    const { changes, take } = bothWays();
    take([counters('a', 0)], 0);
    take([counters('a', 1000)], 1000);
    expect(changes.rates(id('a'), 1500)).toEqual([8000, 0]);
    expect(changes.rates(id('a'), 9000)).toEqual([0, 0]);
  });
});
