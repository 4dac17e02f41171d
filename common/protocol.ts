/**
 * Limits and lifetimes of the protocol that router, mesh core and agent must agree on, one sentence each. The relations
 * between them are asserted below. `docs/wire.md` lists them, and `test/architecture/docs-constants.test.ts` compares. A limit
 * that concerns one part alone is in that part's `limits.ts`.
 */
import { assert } from './errors.js';

/** Peers of one node: members of its cluster, and peers of its router. */
export const MAX_PEERS = 8192;
/** Sessions of one node's router: an active one per peer, and one more that replaces it or was replaced by it. */
export const MAX_SESSIONS = 2 * MAX_PEERS;
/** Sessions that the mesh core keeps for one peer, the active one included. */
export const MAX_SESSIONS_PER_PEER = 4;
/** Bits of a session index that are the slot in its router's table; slot 0 is never used. */
export const SESSION_SLOT_BITS = 16;
/** Lanes of a session, which are forwarding threads of a node. */
export const MAX_LANES = 16;
/** Pod CIDRs that one node may claim. */
export const MAX_CIDRS_PER_NODE = 16;

/** Pairs of members that one node relays between (ADR 0044). */
export const MAX_RELAY_PAIRS = 2048;
/** Channels on which one node receives from relays. */
export const MAX_RELAY_CHANNELS = 1024;
/** A pair without a datagram for this long is closed by the relay. */
export const RELAY_IDLE_MS = 60_000;

/** Fragments of a unit, one datagram each: the segments that every kernel takes in one GSO send. */
export const MAX_FRAGMENTS = 64;
/** Bytes of a sealed unit with its tag: below the 16 bits of the length field, and a multiple of MAX_FRAGMENTS. */
export const MAX_UNIT_BYTES = 65_280;
/** Bytes of a control message, which travels in one unit. */
export const MAX_CONTROL_BYTES = 65_024;
/** Path MTU that is assumed before the search has found one: the IPv6 minimum (RFC 8200, section 5). */
export const UNKNOWN_PATH_MTU_BYTES = 1280;

/** A session of this age is replaced by a new handshake. */
export const REKEY_AFTER_MS = 10 * 60_000;
/** A session that sealed this many units is replaced by a new handshake. */
export const REKEY_AFTER_UNITS = 2 ** 40;
/** A session of this age neither seals nor opens, in the router also while no agent runs. */
export const REFUSE_AFTER_MS = 60 * 60_000;
/** A session that sealed this many units in a lane seals no more: unit counters have 48 bits and never repeat. */
export const REFUSE_AFTER_UNITS = 2 ** 48 - 1;
/** A replaced session opens datagrams for this long after its successor became active. */
export const RETIRE_AFTER_MS = 30_000;

assert(MAX_SESSIONS >= 2 * MAX_PEERS, 'every peer may be in the middle of a rekey');
assert(MAX_SESSIONS <= 2 ** SESSION_SLOT_BITS, 'a session slot fits the session index');
assert(MAX_LANES <= 256 && MAX_FRAGMENTS < 256, 'lane and number of fragments fit a byte of the header');
assert(MAX_UNIT_BYTES < 2 ** 16 && MAX_UNIT_BYTES % MAX_FRAGMENTS === 0, 'a unit fits its length field');
assert(MAX_CONTROL_BYTES < MAX_UNIT_BYTES, 'a control message fits a unit');
assert(RETIRE_AFTER_MS < REKEY_AFTER_MS, 'a session is gone before the second one after it is made');
assert(REKEY_AFTER_MS < REFUSE_AFTER_MS, 'a session is replaced before it is refused');
assert(REKEY_AFTER_UNITS < REFUSE_AFTER_UNITS, 'a session is replaced before its counters are used up');
assert(REFUSE_AFTER_UNITS < 2 ** 48, 'unit counters fit the header');
