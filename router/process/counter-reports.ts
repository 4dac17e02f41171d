/**
 * What the connected agent is told of the counters: events for it, none when nothing has changed. An agent that asked for changes
 * gets all peers with traffic first, in pieces, then those that changed; one of an older version gets all of them every time.
 */
import type { CountersChange, PeerCounters, RouterEvent, SessionStatus } from '../../common/router-port.js';
import type { ForwarderReport } from '../forwarder-messages.js';
import { COUNTERS_PER_EVENT } from '../limits.js';
import type { ChangedTotals, PeerTotals } from './peer-totals.js';

export type CountersEvent = Extract<RouterEvent, { type: 'counters' }>;

export class CounterReports {
  #takesChanges = false;
  /** The agent has been told nothing yet. */
  #begins = true;
  #drops = '';
  /** By local index, what the agent was told; as many as there are sessions. */
  #sessions: ReadonlyMap<number, SessionStatus> = new Map();

  constructor(readonly totals: PeerTotals) {}

  /** Another agent: it knows nothing. */
  agentConnected(): void {
    this.#takesChanges = false;
    this.#begins = true;
    this.#sessions = new Map();
  }

  /** The agent that is connected asks for changes. */
  reportChanges(): void {
    this.#takesChanges = true;
    this.#begins = true;
    this.#sessions = new Map();
  }

  /** Due every second: events with what has changed since the last ones. */
  next({ drops, sessions }: Pick<ForwarderReport, 'drops' | 'sessions'>, nowMs: number): CountersEvent[] {
    const used = sessions.filter((session) => !isSame(session, this.#sessions.get(session.localIndex)));
    const fingerprint = JSON.stringify(drops);
    const begins = this.#begins;
    const hasOther = fingerprint !== this.#drops || used.length > 0 || this.totals.haveChanged;
    if (!begins && !hasOther) return [];
    this.#begins = false;
    this.#drops = fingerprint;
    this.#sessions = new Map(sessions.map((session) => [session.localIndex, session]));
    if (!this.#takesChanges) return [{ type: 'counters', drops, peers: this.totals.takeAll(nowMs), sessions }];
    const whole = (): ChangedTotals => ({ peers: this.totals.takeAll(nowMs), removed: [] });
    const { peers, removed } = begins ? whole() : this.totals.takeChanges(nowMs);
    const [first, ...others] = piecesOf(peers);
    const rest: CountersChange = { part: begins ? 'rest' : 'change', removed: [] };
    const change: CountersChange = { part: begins ? 'first' : 'change', removed };
    return [
      { type: 'counters', drops, peers: first!, sessions: used, changes: change },
      ...others.map((piece): CountersEvent => ({ type: 'counters', drops, peers: piece, sessions: [], changes: rest })),
    ];
  }
}

/** One at least. */
function piecesOf(peers: readonly PeerCounters[]): PeerCounters[][] {
  const count = Math.max(1, Math.ceil(peers.length / COUNTERS_PER_EVENT));
  return Array.from({ length: count }, (_, i) => peers.slice(i * COUNTERS_PER_EVENT, (i + 1) * COUNTERS_PER_EVENT));
}

function isSame(session: SessionStatus, told: SessionStatus | undefined): boolean {
  return told !== undefined && told.active === session.active && told.unitsSent === session.unitsSent;
}
