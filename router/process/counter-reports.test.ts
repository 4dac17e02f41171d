import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { COUNTERS_PER_EVENT } from '../limits.js';
import { CounterReports } from './counter-reports.js';
import { PeerTotals } from './peer-totals.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const none = { drops: {}, sessions: [] };
const session = (localIndex: number, unitsSent: number) => ({ peer: id(1), localIndex, active: true, unitsSent });

function connected(takesChanges: boolean) {
  const totals = new PeerTotals();
  const reports = new CounterReports(totals);
  reports.agentConnected();
  if (takesChanges) reports.reportChanges();
  const used = (from: number, to: number, txBytes: number) => {
    const counts = { txBytes, txFrames: 1, rxBytes: 0, rxFrames: 0, lastReceivedMsAgo: null, lossRatio: 0 };
    const peers = Array.from({ length: to - from + 1 }, (_, i) => ({ peer: id(from + i), ...counts }));
    totals.take(0, { removed: [], peers }, 0);
  };
  return { totals, reports, used };
}

describe('what an agent is told of the counters', () => {
  it('is all of them first, then what has changed', () => {
    const { reports, used } = connected(true);
    used(1, 3, 100);
    expect(reports.next(none, 0)).toMatchObject([
      { peers: [{ peer: id(1) }, { peer: id(2) }, { peer: id(3) }], changes: { part: 'first', removed: [] } },
    ]);
    used(2, 2, 200);
    const [event, ...others] = reports.next(none, 0);
    expect(event!.peers).toMatchObject([{ peer: id(2), txBytes: 200 }]);
    expect(event!.changes).toEqual({ part: 'change', removed: [] });
    expect(others).toEqual([]);
  });

  it('is nothing while nothing changes', () => {
    const { reports, used } = connected(true);
    used(1, 1, 1);
    reports.next({ drops: { noRoute: 1 }, sessions: [session(4, 5)] }, 0);
    expect(reports.next({ drops: { noRoute: 1 }, sessions: [session(4, 5)] }, 0)).toEqual([]);
    expect(reports.next({ drops: { noRoute: 2 }, sessions: [session(4, 5)] }, 0)).toMatchObject([
      { drops: { noRoute: 2 }, peers: [], sessions: [] },
    ]);
  });

  it('comes in pieces', () => {
    const { reports, used } = connected(true);
    used(1, 2 * COUNTERS_PER_EVENT + 1, 1);
    const events = reports.next({ drops: { noRoute: 1 }, sessions: [session(4, 5)] }, 0);
    expect(events.map(({ peers, changes, sessions }) => [peers.length, changes!.part, sessions.length])).toEqual([
      [COUNTERS_PER_EVENT, 'first', 1],
      [COUNTERS_PER_EVENT, 'rest', 0],
      [1, 'rest', 0],
    ]);
    expect(new Set(events.flatMap(({ peers }) => peers.map(({ peer }) => peer))).size).toBe(2 * COUNTERS_PER_EVENT + 1);
    expect(events.every(({ drops }) => drops['noRoute'] === 1)).toBe(true);
  });

  it('names the peers that are gone', () => {
    const { reports, used, totals } = connected(true);
    used(1, 2, 1);
    reports.next(none, 0);
    totals.take(0, { removed: [id(1)], peers: [] }, 0);
    expect(reports.next(none, 0)).toMatchObject([{ peers: [], changes: { part: 'change', removed: [id(1)] } }]);
  });

  it('holds the sessions that were used', () => {
    const { reports } = connected(true);
    reports.next({ drops: {}, sessions: [session(1, 5), session(2, 5)] }, 0);
    const [event] = reports.next({ drops: {}, sessions: [session(1, 5), session(2, 6)] }, 0);
    expect(event!.sessions).toEqual([session(2, 6)]);
  });

  it('is all of them every time for an agent that did not ask for changes', () => {
    const { reports, used } = connected(false);
    used(1, 3, 100);
    reports.next({ drops: {}, sessions: [session(1, 5)] }, 0);
    used(2, 2, 200);
    const [event, ...others] = reports.next({ drops: {}, sessions: [session(1, 5)] }, 0);
    expect(event!.peers.map(({ txBytes }) => txBytes)).toEqual([100, 200, 100]);
    expect(event).toMatchObject({ sessions: [session(1, 5)] });
    expect(event).not.toHaveProperty('changes');
    expect(others).toEqual([]);
    expect(reports.next({ drops: {}, sessions: [session(1, 5)] }, 0)).toEqual([]);
  });

  it('is all of them again for the next agent, also when nothing changed', () => {
    const { reports, used } = connected(true);
    used(1, 3, 100);
    reports.next(none, 0);
    reports.agentConnected();
    expect(reports.next(none, 0)).toMatchObject([{ peers: [{}, {}, {}] }]);
    reports.reportChanges();
    expect(reports.next(none, 0)).toMatchObject([{ peers: [{}, {}, {}], changes: { part: 'first' } }]);
  });
});
