/** Limits of the router, one sentence each. What mesh core or agent must agree on is in `common/protocol.ts`. */
import { MAX_CIDRS_PER_NODE, MAX_PEERS, MAX_SESSIONS, UNKNOWN_PATH_MTU_BYTES } from '../common/protocol.js';

/** Receive contexts (session and sender's lane), each with a replay window and a key: most nodes have one lane. */
export const MAX_RECEIVE_CONTEXTS = MAX_SESSIONS;
/** Expanded AES keys of the multi-buffer engine: one that seals per session, one that opens per receive context. */
export const MAX_EXPANDED_KEYS = MAX_SESSIONS + MAX_RECEIVE_CONTEXTS;
/** Routes in the tables of a command: every pod CIDR of every peer. */
export const MAX_ROUTES = MAX_PEERS * MAX_CIDRS_PER_NODE;
/** Routes that a forwarding thread takes between two batches of frames: 0.2 ms. */
export const ROUTES_PER_SLICE = 128;
/** Peers whose counters a forwarding thread reports between two batches of frames; other changes are in the next report. */
export const REPORTED_PEERS = 128;
/** Peers in one `counters` event to an agent that takes changes. */
export const COUNTERS_PER_EVENT = 512;
/** Addresses of pods and gateways of this node in the tables of a command. */
export const MAX_LOCAL_ADDRESSES = 65_536;
/** Pod CIDRs of this node in the tables of a command. */
export const MAX_TABLE_CIDRS = 64;
/** Encoded command of the agent; the longest carries tables with routes of at most 96 bytes and addresses of at most 40. */
export const MAX_COMMAND_BYTES = MAX_ROUTES * 96 + MAX_LOCAL_ADDRESSES * 40;
/** Incomplete units over all peers; a newer one displaces an older one. */
export const MAX_INCOMPLETE_UNITS = 256;
/** Incomplete units of consecutive counters of one session: they share this many places. */
export const MAX_INCOMPLETE_UNITS_PER_SESSION = 64;
/** Events that wait for the agent; more are dropped and counted. */
export const MAX_PENDING_EVENTS = 1024;

/** Interval of the check for expired sessions. */
export const EXPIRE_INTERVAL_MS = 10_000;
/** Least time between two events that frames need a session with one peer. */
export const WANTED_INTERVAL_MS = 1000;
/** How long a frame waits for a session with its peer: the first retransmission of TCP comes after 1 s, the second after 3 s. */
export const WAIT_FOR_SESSION_MS = 3000;
/** Records that wait for one peer, of 65 560 bytes at most each. */
export const WAITING_BYTES_PER_PEER = 64 * 1024 + 64;
/** Records that wait for all peers, in all forwarding threads together. */
export const WAITING_BYTES = 4 << 20;
/** The same by number, in one thread. */
export const MAX_WAITING_FRAMES = 4096;

/** Silence of a peer after which frames to it are kept too: more than between two probes of a link that is used. */
export const UNHEARD_MS = 2000;
/** Bytes of the frames that are kept of all peers, in all forwarding threads together; of one peer as many as may wait. */
export const KEPT_BYTES = 1 << 20;
/** The same by number, in one thread. */
export const MAX_KEPT_FRAMES = 2048;

/** How long a session index is announced before its session is installed, and how long a datagram with it waits for the keys. */
export const EARLY_MS = 1000;
/** Datagrams that wait for the keys of one session, in one thread: what waits for a peer fits at the path MTU that is assumed. */
export const MAX_EARLY_DATAGRAMS_PER_SESSION = 64;
/** Their bytes, with what is kept of each. */
export const EARLY_BYTES_PER_SESSION = MAX_EARLY_DATAGRAMS_PER_SESSION * UNKNOWN_PATH_MTU_BYTES;
/** Bytes of those of all sessions, in all forwarding threads together. */
export const EARLY_BYTES = 1 << 20;
/** The same by number, in one thread. */
export const MAX_EARLY_DATAGRAMS = 4096;

/** Bytes of enveloped datagrams that a node relays in a second for one pair, in both directions together. */
export const RELAY_PAIR_BYTES_PER_SECOND = 12_500_000;
/** The same for all pairs. Each forwarding thread relays an equal part of both. */
export const RELAY_BYTES_PER_SECOND = 50_000_000;
/** Time in which an unused rate fills up: so much goes at once. TCP that lost all it sent begins again after 200 ms. */
export const RELAY_BURST_MS = 250;

export const MIN_PATH_MTU_BYTES = 576;

/** Queues of the TAP that each thread serves in turn (`tap-queues.ts`): more mean fewer flows that share one. */
export const TAP_QUEUES_PER_LANE = 8;
/** Frames read from the TAP in one batch, before the underlay is served. */
export const INSIDE_BUDGET_FRAMES = 64;
/** Bytes of frames read in one batch: 64 super-frames would delay the underlay by 5 ms. */
export const INSIDE_BUDGET_BYTES = 192 * 1024;
/** Messages received in one call; with UDP GRO each may hold several coalesced datagrams. */
export const RECEIVE_MESSAGES = 8;
/** Units under construction or queued for the send call. */
export const UNIT_SLOTS = 16;
/** Bytes sealed before they are sent, so that a batch stays within the second-level cache. */
export const FLUSH_AFTER_BYTES = 192 * 1024;

/** Size of each socket buffer: smaller ones lose bursts, larger ones only add delay. */
export const SOCKET_BUFFER_BYTES = 4 << 20;
/** Longest frame of a TAP: 64 KiB of payload, Ethernet header. */
export const MAX_FRAME_BYTES = 65535 + 14;
