/** Adds up what the forwarding threads report: traffic and drops are sums, the rest is the first thread's. */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, SessionStatus } from '../../common/router-port.js';
import type { ForwarderReport } from '../forwarder.js';

/** @param reports of all threads, at least one */
export function mergeReports(reports: readonly ForwarderReport[]): ForwarderReport {
  const [first, ...others] = reports;
  if (others.length === 0) return first!;
  const drops: Record<string, number> = {};
  const peers = new Map<NodeId, PeerCounters>();
  const sessions = new Map<number, SessionStatus>();
  for (const report of reports) {
    for (const [reason, count] of Object.entries(report.drops)) drops[reason] = (drops[reason] ?? 0) + count;
    for (const counters of report.peers) peers.set(counters.peer, addCounters(peers.get(counters.peer), counters));
    for (const session of report.sessions) {
      const known = sessions.get(session.localIndex);
      sessions.set(session.localIndex, { ...session, unitsSent: Math.max(session.unitsSent, known?.unitsSent ?? 0) });
    }
  }
  return { ...first!, drops, peers: [...peers.values()], sessions: [...sessions.values()] };
}

function addCounters(a: PeerCounters | undefined, b: PeerCounters): PeerCounters {
  if (a === undefined) return b;
  const ages = [a.lastReceivedMsAgo, b.lastReceivedMsAgo].filter((age) => age !== null);
  return {
    peer: a.peer,
    txBytes: a.txBytes + b.txBytes,
    txFrames: a.txFrames + b.txFrames,
    rxBytes: a.rxBytes + b.rxBytes,
    rxFrames: a.rxFrames + b.rxFrames,
    lastReceivedMsAgo: ages.length === 0 ? null : Math.min(...ages),
    lossRatio: Math.max(a.lossRatio, b.lossRatio),
  };
}
