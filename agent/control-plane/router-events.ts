/**
 * Check of everything that the router sends: the router parses packets from strangers, so its messages are untrusted
 * input. Shapes are those of `RouterEvent` in `common/router-port.ts`; unknown fields are ignored.
 */
import {
  bytes,
  count,
  flag,
  integer,
  ip,
  isRecord,
  listOf,
  mapOf,
  nodeId,
  object,
  oneOf,
  orAbsent,
  orNull,
  port,
  ratio,
  text,
} from '../../common/codec/message-shape.js';
import type { Check } from '../../common/codec/message-shape.js';
import { relayShapes } from '../../common/codec/relay-shapes.js';
import { DecodeError } from '../../common/errors.js';
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS, MAX_SESSIONS } from '../../common/protocol.js';
import type { RouterEvent } from '../../common/router-port.js';

/** The longest list of an event is that of the sessions. */
const MAX_LIST_LENGTH = MAX_SESSIONS;

const index = integer(0, 0xffffffff);
const address = object({ ip, port });
const descriptors = object({ tapIndex: count, tapQueues: count, udpInodes: listOf(count, MAX_LIST_LENGTH) });
const cipher = oneOf('aes-256-gcm', 'chacha20-poly1305');
const { relayRoute, openChannel, openRelay } = relayShapes(index);
const relaying = object({
  channels: listOf(openChannel, MAX_RELAY_CHANNELS),
  pairs: listOf(openRelay, MAX_RELAY_PAIRS),
});
const path = object({
  peer: nodeId,
  endpoint: address,
  mtuBytes: count,
  upForMs: orAbsent(orNull(count)),
  relay: orAbsent(orNull(relayRoute)),
  local: orAbsent(orNull(ip)),
});
const session = object({
  peer: nodeId,
  localIndex: index,
  active: flag,
  unitsSent: count,
  ageMs: orAbsent(count),
  cipher: orAbsent(cipher),
});
const peerCounters = object({
  peer: nodeId,
  txBytes: count,
  txFrames: count,
  rxBytes: count,
  rxFrames: count,
  lastReceivedMsAgo: orNull(count),
  lossRatio: ratio,
});

const SHAPES: Readonly<Record<RouterEvent['type'], Check>> = {
  hello: object({
    version: count,
    instance: text,
    ciphers: listOf(cipher, MAX_LIST_LENGTH),
    tapName: text,
    descriptors: orAbsent(descriptors),
    unconfined: orAbsent(listOf(text, MAX_LIST_LENGTH)),
    engine: orAbsent(object({ name: text, sealNsPerKiB: count, fasterPackage: orNull(text) })),
    generation: count,
    paths: listOf(path, MAX_LIST_LENGTH),
    sessions: listOf(session, MAX_LIST_LENGTH),
    relaying: orAbsent(relaying),
    takesTablesChanges: orAbsent(flag),
    earlyFrames: orAbsent(flag),
    reportsChanges: orAbsent(flag),
  }),
  datagram: object({ from: address, bytes, channel: orAbsent(index), local: orAbsent(ip) }),
  control: object({ peer: nodeId, bytes }),
  probeAnswer: object({
    peer: nodeId,
    probeId: index,
    sizeBytes: count,
    roundTripUs: count,
    observed: address,
    relayed: orAbsent(flag),
    channel: orAbsent(index),
  }),
  sessionConfirmed: object({ peer: nodeId, localIndex: index }),
  roamed: object({ peer: nodeId, endpoint: address, local: orAbsent(ip) }),
  sessionWanted: object({ peer: nodeId }),
  tooBig: object({ peer: nodeId }),
  heardDirectly: object({ peer: nodeId, from: address, local: orAbsent(ip) }),
  relayIdle: object({ channel: index }),
  counters: object({
    drops: mapOf(count),
    peers: listOf(peerCounters, MAX_LIST_LENGTH),
    sessions: listOf(session, MAX_LIST_LENGTH),
    changes: orAbsent(object({ part: oneOf('first', 'rest', 'change'), removed: listOf(nodeId, MAX_LIST_LENGTH) })),
  }),
};

/** Throws {@link DecodeError} when the message is no event of the router port. */
export function checkRouterEvent(message: unknown): RouterEvent {
  const type = isRecord(message) ? message['type'] : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type)) throw new DecodeError('router sent an unknown message');
  if (!SHAPES[type as RouterEvent['type']](message)) throw new DecodeError(`router sent a malformed "${type}" message`);
  return message as RouterEvent;
}
