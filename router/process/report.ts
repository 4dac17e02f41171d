/**
 * Sum of the reports of all forwarding threads: drops and refusals are added, a relayed pair is as idle as in the thread that used it
 * last, the rest is the first thread's. The counters of peers are not in it: a report has only some of them (`peer-totals.ts`).
 */
import type { SessionStatus } from '../../common/router-port.js';
import type { PoolName } from '../tables/pools.js';
import type { ForwarderReport, IdleRelay } from '../forwarder-messages.js';

export type MergedReport = Omit<ForwarderReport, 'peers' | 'removed' | 'hasMore'>;

/** @param reports of all threads, at least one */
export function mergeReports(reports: readonly MergedReport[]): MergedReport {
  const [first, ...others] = reports;
  if (others.length === 0) return first!;
  const drops: Record<string, number> = {};
  const refusals: Partial<Record<PoolName, number>> = {};
  const sessions = new Map<number, SessionStatus>();
  const relays = new Map<number, IdleRelay>();
  for (const report of reports) {
    add(drops, report.drops);
    add(refusals, report.refusals);
    for (const relay of report.relays) {
      const known = relays.get(relay.channel);
      if (known === undefined || relay.idleForMs < known.idleForMs) relays.set(relay.channel, relay);
    }
    for (const session of report.sessions) {
      const known = sessions.get(session.localIndex);
      sessions.set(session.localIndex, { ...session, unitsSent: Math.max(session.unitsSent, known?.unitsSent ?? 0) });
    }
  }
  return { ...first!, sessions: [...sessions.values()], relays: [...relays.values()], drops, refusals };
}

function add(totals: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
}
