/**
 * Frames that wait for a session with their peer. The first frame to a peer without a session asks for one (`wantedPeers` of the
 * reader); it and those behind it leave in order when the session is there, or are refused after {@link WAIT_FOR_SESSION_MS}.
 */
import { MAX_PEERS } from '../../common/protocol.js';
import type { Arena } from '../kernel/arena.js';
import { MAX_WAITING_FRAMES, WAIT_FOR_SESSION_MS, WAITING_BYTES, WAITING_BYTES_PER_PEER } from '../limits.js';
import { ringBytesOf, WaitingRecords } from '../tables/waiting-records.js';

/** Store of one of `lanes` forwarding threads; its keys are peers. */
export function waitingFrames(arena: Arena, lanes: number): WaitingRecords {
  return new WaitingRecords(arena, {
    ringBytes: ringBytesOf(WAITING_BYTES, lanes),
    records: MAX_WAITING_FRAMES,
    keys: MAX_PEERS,
    bytesPerKey: WAITING_BYTES_PER_PEER,
    recordsPerKey: MAX_WAITING_FRAMES,
    waitMs: WAIT_FOR_SESSION_MS,
  });
}
