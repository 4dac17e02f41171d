/** Messages between a forwarding thread and the main thread of the router. */
import type { NodeId } from '../common/node-id.js';
import type {
  PeerCounters,
  PeerPath,
  Route,
  RouterCommand,
  RouterEvent,
  SessionStatus,
} from '../common/router-port.js';
import type { LossReport } from '../common/wire/loss-report-unit.js';
import type { SessionState } from './tables/session-state.js';
import type { ChangedRoutes, TablesHead } from './tables/forwarding-tables.js';
import type { Refusals } from './tables/pools.js';

/** Events from a forwarding thread to the main thread of the router. */
export type ForwarderEvent =
  | Exclude<RouterEvent, { type: 'hello' | 'counters' | 'relayIdle' }>
  | ({ readonly type: 'report' } & ForwarderReport)
  /** A peer's loss report about the lane of another thread. */
  | LossReportOfPeer
  | CalledByPeer
  | PeerHeard;

export interface LossReportOfPeer {
  readonly type: 'lossReport';
  readonly peer: NodeId;
  readonly report: LossReport;
}

/** A peer calls another local address than before. For all other threads, which may hear nothing of it. */
export interface CalledByPeer {
  readonly type: 'calledAt';
  readonly peer: NodeId;
  /** As `kernel/packet-info.ts` says. */
  readonly local: Uint8Array;
}

/** A peer has answered the probe of a thread, which the answer need not come back to. For all other threads. */
export interface PeerHeard {
  readonly type: 'heard';
  readonly peer: NodeId;
}

/** State of one thread at one moment. Of peers, what has changed since its last report, in pieces when that is much. */
export interface ForwarderReport {
  readonly generation: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Peers that the thread has forgotten. One that it has met again since then is in `peers` too. */
  readonly removed: readonly NodeId[];
  readonly peers: readonly PeerCounters[];
  /** Other peers have changed too: the next report is due at once. */
  readonly hasMore: boolean;
  /** Of all peers, or null when they were not asked for. */
  readonly paths: readonly PeerPath[] | null;
  readonly sessions: readonly SessionStatus[];
  readonly refusals: Refusals;
  readonly relays: readonly IdleRelay[];
}

/** How long a pair that is relayed had no datagram. */
export interface IdleRelay {
  /** Receive channel of its first end. */
  readonly channel: number;
  readonly idleForMs: number;
}

/**
 * A part of tables with many routes. A thread takes one slice, forwards a batch of frames, and takes the next; it uses the
 * tables when it has the last slice. The slices of one table follow each other.
 */
export interface TablesSlice {
  readonly type: 'tablesSlice';
  /** Begins other tables; null in the slices after the first. */
  readonly begin: { readonly head: TablesHead; readonly routeCount: number } | null;
  readonly routes: readonly Route[];
  readonly isLast: boolean;
}

/** A part of what is other in newer tables. A thread takes one, as a slice, and forwards by it at once. */
export type TablesChangeSlice = { readonly type: 'tablesChangeSlice' } & ChangedRoutes;

export type SendDatagram = Extract<RouterCommand, { type: 'sendDatagram' }>;

/** Commands to a forwarding thread: those of the router port, loss reports that another thread received, requests. */
export type ForwarderCommand =
  | Exclude<RouterCommand, { type: 'tablesChange' | 'reportChanges' }>
  | TablesSlice
  | TablesChangeSlice
  | LossReportOfPeer
  | CalledByPeer
  | PeerHeard
  | { readonly type: 'report'; readonly withPaths: boolean }
  | { readonly type: 'beat' }
  /** Sessions of the router before, whose threads have ended. */
  | { readonly type: 'resumeSessions'; readonly sessions: readonly SessionState[] }
  /** Ends the loop for the router that follows: the thread's last message has its sessions. */
  | { readonly type: 'retire' }
  | { readonly type: 'stop' };
