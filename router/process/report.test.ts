import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { mergeReports } from './report.js';
import type { MergedReport } from './report.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const paths = [{ peer: id(1), endpoint: parseSocketAddress('192.0.2.1', 1), mtuBytes: 1500 }];

function report(fields: Partial<MergedReport>): MergedReport {
  return { generation: 4, drops: {}, paths, sessions: [], refusals: {}, relays: [], ...fields };
}

describe('merging the reports of several threads', () => {
  it('leaves one thread alone', () => {
    const only = report({ drops: { badTag: 1 } });
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

  it('adds up drops', () => {
    const merged = mergeReports([report({ drops: { badTag: 1, noRoute: 2 } }), report({ drops: { badTag: 5 } })]);
    expect(merged.drops).toEqual({ badTag: 6, noRoute: 2 });
    expect(merged).toMatchObject({ generation: 4, paths });
  });

  it('takes, as each lane has its own key, the most worn lane of a session', () => {
    const session = (unitsSent: number) => ({ peer: id(1), localIndex: 9, active: true, unitsSent });
    const merged = mergeReports([report({ sessions: [session(50)] }), report({ sessions: [session(20)] })]);
    expect(merged.sessions).toEqual([session(50)]);
  });
});
