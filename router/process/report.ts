/**
 * Sum of the reports of all forwarding threads: traffic, drops and refusals are added, a relayed pair is as idle as in the thread that
 * used it last, the rest is the first thread's.
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, SessionStatus } from '../../common/router-port.js';
import type { PoolName } from '../tables/pools.js';
import type { ForwarderReport, IdleRelay } from '../forwarder-messages.js';

/** @param reports of all threads, at least one */
export function mergeReports(reports: readonly ForwarderReport[]): ForwarderReport {
  const [first, ...others] = reports;
  if (others.length === 0) return first!;
  const drops: Record<string, number> = {};
  const refusals: Partial<Record<PoolName, number>> = {};
  const peers = new Map<NodeId, PeerCounters>();
  const sessions = new Map<number, SessionStatus>();
  const relays = new Map<number, IdleRelay>();
  for (const report of reports) {
    add(drops, report.drops);
    add(refusals, report.refusals);
    for (const relay of report.relays) {
      const known = relays.get(relay.channel);
      if (known === undefined || relay.idleForMs < known.idleForMs) relays.set(relay.channel, relay);
    }
    for (const counters of report.peers) peers.set(counters.peer, addCounters(peers.get(counters.peer), counters));
    for (const session of report.sessions) {
      const known = sessions.get(session.localIndex);
      sessions.set(session.localIndex, { ...session, unitsSent: Math.max(session.unitsSent, known?.unitsSent ?? 0) });
    }
  }
  const lists = { peers: [...peers.values()], sessions: [...sessions.values()], relays: [...relays.values()] };
  return { ...first!, ...lists, drops, refusals };
}

function add(totals: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
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
