/**
 * State that a router passes to the one that follows (ADR 0037), as a message and its check. With it that one forwards at once, and
 * says hello to the agent in the name of this one. Bounded as the commands of the agent are; it holds keys and is never logged.
 */
import {
  count,
  flag,
  integer,
  isRecord,
  listOf,
  object,
  orAbsent,
  orNull,
  text,
} from '../../common/codec/message-shape.js';
import type { Check } from '../../common/codec/message-shape.js';
import { DecodeError } from '../../common/errors.js';
import { MAX_LANES, MAX_PEERS, MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS, MAX_SESSIONS } from '../../common/protocol.js';
import type { ForwardingTables, PeerPath, Relaying } from '../../common/router-port.js';
import { MAX_COMMAND_BYTES } from '../limits.js';
import type { SessionState } from '../tables/session-state.js';
import { checkRouterCommand } from './router-command.js';

/** A router that finds another version starts without state, as after one that was killed. Fields are only appended. */
export const ROUTER_STATE_VERSION = 1;
/** A session takes 300 bytes, and 90 more for each lane of its peer. */
export const MAX_STATE_BYTES = MAX_COMMAND_BYTES + MAX_SESSIONS * MAX_LANES * 400;

export interface RouterState {
  readonly version: number;
  /** The name under which the agent knows the holder of these sessions. */
  readonly instance: string;
  /** Null when the agent has sent none yet. */
  readonly tables: ForwardingTables | null;
  readonly paths: readonly PeerPath[];
  /** By lane: each thread goes on with its own counters. */
  readonly lanes: readonly (readonly SessionState[])[];
  /** Absent from a router that knows no relays. */
  readonly relaying?: Relaying;
}

const receiving = object({
  lane: integer(0, MAX_LANES - 1),
  highest: integer(-1, Number.MAX_SAFE_INTEGER),
  unitsOpened: count,
  datagramsOpened: count,
});
const session = object({
  active: flag,
  confirmed: flag,
  ageMs: count,
  nextCounter: integer(0, Number.MAX_SAFE_INTEGER),
  receiving: listOf(receiving, MAX_LANES),
});
const anything: Check = () => true;
const state = object({
  version: integer(ROUTER_STATE_VERSION, ROUTER_STATE_VERSION),
  instance: text,
  tables: orNull(isRecord),
  paths: listOf(anything, MAX_PEERS),
  lanes: listOf(listOf(session, MAX_SESSIONS), MAX_LANES),
  relaying: orAbsent(
    object({ channels: listOf(isRecord, MAX_RELAY_CHANNELS), pairs: listOf(isRecord, MAX_RELAY_PAIRS) }),
  ),
});

/** Throws {@link DecodeError} when `message` is no state, is of another version, or of other than `lanes` threads. */
export function checkRouterState(message: unknown, lanes: number): RouterState {
  if (!state(message)) throw new DecodeError('state of the router before is malformed or of another version');
  const checked = message as RouterState;
  if (checked.lanes.length !== lanes) {
    throw new DecodeError(`state of the router before is of ${checked.lanes.length} lanes, expected ${lanes}`);
  }
  // The rest is what an agent could have sent.
  if (checked.tables !== null) checkRouterCommand({ type: 'tables', tables: checked.tables });
  for (const path of checked.paths) checkRouterCommand({ type: 'path', path });
  for (const channel of checked.relaying?.channels ?? []) checkRouterCommand({ ...channel, type: 'openChannel' });
  for (const pair of checked.relaying?.pairs ?? []) checkRouterCommand({ ...pair, type: 'openRelay' });
  for (const sessions of checked.lanes) {
    for (const one of sessions) checkRouterCommand({ type: 'installSession', session: one });
  }
  return checked;
}
