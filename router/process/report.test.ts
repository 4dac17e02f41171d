import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters } from '../../common/router-port.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import type { ForwarderReport } from '../forwarder-messages.js';
import { mergeReports } from './report.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const paths = [{ peer: id(1), endpoint: parseSocketAddress('192.0.2.1', 1), mtuBytes: 1500 }];

function traffic(peer: number, n: number, lastReceivedMsAgo: number | null, lossRatio = 0): PeerCounters {
  const counts = { txBytes: n, txFrames: n + 1, rxBytes: n + 2, rxFrames: n + 3 };
  return { peer: id(peer), ...counts, lastReceivedMsAgo, lossRatio };
}

function report(fields: Partial<ForwarderReport>): ForwarderReport {
  return { generation: 4, drops: {}, peers: [], paths, sessions: [], refusals: {}, relays: [], ...fields };
}

describe('merging the reports of several threads', () => {
  it('leaves one thread alone', () => {
    const only = report({ drops: { badTag: 1 }, peers: [traffic(1, 10, null)] });
    expect(mergeReports([only])).toBe(only);
  });

  it('adds up the refusals of exhausted pools', () => {
    const merged = mergeReports([
      report({ refusals: { peers: 1 } }),
      report({ refusals: { peers: 2, expandedKeys: 3 } }),
    ]);
    expect(merged.refusals).toEqual({ peers: 3, expandedKeys: 3 });
  });

  it('takes a pair for as idle as the thread that used it last', () => {
    const relays = (...idle: number[]) =>
      report({ relays: idle.map((idleForMs, i) => ({ channel: i + 1, idleForMs })) });
    expect(mergeReports([relays(5, 100), relays(70, 2)]).relays).toEqual(relays(5, 2).relays);
  });

  it('adds up drops and traffic', () => {
    const merged = mergeReports([
      report({ drops: { badTag: 1, noRoute: 2 }, peers: [traffic(1, 10, 500), traffic(2, 1, null)] }),
      report({ drops: { badTag: 5 }, peers: [traffic(1, 100, 20), traffic(3, 7, 9)] }),
    ]);
    expect(merged.drops).toEqual({ badTag: 6, noRoute: 2 });
    const both = { txBytes: 110, txFrames: 112, rxBytes: 114, rxFrames: 116 };
    expect(merged.peers).toEqual([
      { peer: id(1), ...both, lastReceivedMsAgo: 20, lossRatio: 0 },
      traffic(2, 1, null),
      traffic(3, 7, 9),
    ]);
    expect(merged).toMatchObject({ generation: 4, paths });
  });

  it.each([
    [null, null, null],
    [null, 5, 5],
    [7, null, 7],
    [7, 5, 5],
  ])('takes the youngest sign of life: of %p and %p, %p', (a, b, expected) => {
    const reports = [report({ peers: [traffic(1, 0, a)] }), report({ peers: [traffic(1, 0, b)] })];
    expect(mergeReports(reports).peers[0]!.lastReceivedMsAgo).toBe(expected);
  });

  it('takes the worst loss and, as each lane has its own key, the most worn lane of a session', () => {
    const session = (unitsSent: number) => ({ peer: id(1), localIndex: 9, active: true, unitsSent });
    const merged = mergeReports([
      report({ peers: [traffic(1, 0, null, 0.1)], sessions: [session(50)] }),
      report({ peers: [traffic(1, 0, null, 0.3)], sessions: [session(20)] }),
    ]);
    expect(merged.peers[0]!.lossRatio).toBe(0.3);
    expect(merged.sessions).toEqual([session(50)]);
  });
});
