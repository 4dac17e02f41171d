/**
 * Check of everything that the router sends: the router parses packets from strangers, so its messages are untrusted
 * input. Shapes are those of `RouterEvent` in `common/router-port.ts`; unknown fields are ignored.
 */
import { DecodeError } from '../../common/errors.js';
import { MAX_SESSIONS } from '../../common/protocol.js';
import type { RouterEvent } from '../../common/router-port.js';
import { isIP } from 'node:net';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

/** The longest list of an event is that of the sessions. */
const MAX_LIST_LENGTH = MAX_SESSIONS;

const text: Check = (value) => typeof value === 'string' && value.length <= 256;
const nodeId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
const count: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const index: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
const ratio: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
const flag: Check = (value) => typeof value === 'boolean';
const bytes: Check = (value) => value instanceof Uint8Array;
const ip: Check = (value) => typeof value === 'string' && isIP(value) !== 0;
const port: Check = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= MAX_LIST_LENGTH && value.every(check);
const object =
  (shape: Shape): Check =>
  (value) =>
    isRecord(value) && Object.entries(shape).every(([k, ok]) => ok(value[k]));
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const counterMap: Check = (value) => isRecord(value) && Object.values(value).every(count);

const address = object({ ip, port });
const descriptors = object({ tapIndex: count, tapQueues: count, udpInodes: listOf(count) });
const path = object({ peer: nodeId, endpoint: address, mtuBytes: count });
const session = object({ peer: nodeId, localIndex: index, active: flag, unitsSent: count });
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
    ciphers: listOf((value) => value === 'aes-256-gcm' || value === 'chacha20-poly1305'),
    tapName: text,
    descriptors: orAbsent(descriptors),
    engine: orAbsent(object({ name: text, sealNsPerKiB: count, fasterPackage: orNull(text) })),
    generation: count,
    paths: listOf(path),
    sessions: listOf(session),
  }),
  datagram: object({ from: address, bytes }),
  control: object({ peer: nodeId, bytes }),
  probeAnswer: object({ peer: nodeId, probeId: index, sizeBytes: count, roundTripUs: count, observed: address }),
  sessionConfirmed: object({ peer: nodeId, localIndex: index }),
  roamed: object({ peer: nodeId, endpoint: address }),
  sessionWanted: object({ peer: nodeId }),
  counters: object({ drops: counterMap, peers: listOf(peerCounters), sessions: listOf(session) }),
};

/** Throws {@link DecodeError} when the message is no event of the router port. */
export function checkRouterEvent(message: unknown): RouterEvent {
  const type = isRecord(message) ? message['type'] : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type)) throw new DecodeError('router sent an unknown message');
  if (!SHAPES[type as RouterEvent['type']](message)) throw new DecodeError(`router sent a malformed "${type}" message`);
  return message as RouterEvent;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
