/**
 * Node in handshake tests: an identity, its handshakes, and forged Noise messages of a node that knows the
 * cluster secret.
 */
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { assert } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { openCookie } from '../../common/wire/cookie-datagram.js';
import { signAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import { sealHello } from '../handshake/initiation-hello.js';
import { ClusterKeys } from '../wire/cluster-keys.js';
import { ClusterSecrets } from '../wire/cluster-secrets.js';
import { KEY_BYTES, x25519KeyPair } from '../wire/curve-keys.js';
import type { KeyPair } from '../wire/curve-keys.js';
import { TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import { encodeHandshake, readHandshake, withCookie } from '../../common/wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../../common/wire/handshake-datagram.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import { NOISE_PROTOCOL } from '../handshake/handshake.js';
import { Handshakes } from '../handshake/handshakes.js';
import type { HandshakeOutcome, HandshakesDeps } from '../handshake/handshakes.js';
import { SessionSlots } from '../handshake/session-slots.js';
import { InitiationStamps } from '../handshake/initiation-stamps.js';
import { PROLOGUE } from '../limits.js';
import { HandshakeState } from '../noise/handshake-state.js';
import { SeededRandom } from './seeded-random.js';

export const FROM_A = parseSocketAddress('192.0.2.1:6785');
export const FROM_B = parseSocketAddress('192.0.2.2:6785');
export const SECRET = new Uint8Array(32).fill(1);
export const KEYS = new ClusterKeys(SECRET);
const STAMP = { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 };
const WALL_CLOCK_MS = Date.UTC(2026, 0, 1);

export class HandshakeSide {
  readonly identity: NodeIdentity;
  readonly slots: SessionSlots;
  readonly handshakes: Handshakes;
  readonly deps: HandshakesDeps;
  readonly advert: Advert;
  readonly stamps: InitiationStamps;
  /** Members that this node knows, by their id. */
  readonly members = new Map<NodeId, Advert>();

  constructor(seed: number, overrides: Partial<HandshakesDeps> = {}) {
    const random = new SeededRandom(seed);
    this.identity = generateIdentity(random);
    const self = { name: `n${seed}`, version: '1', endpoints: [], podCidrs: [], podMtuBytes: null };
    const clusterSecrets = overrides.clusterSecrets ?? new ClusterSecrets([SECRET]);
    this.advert = signAdvert(this.identity, self, { ...STAMP, secretIds: clusterSecrets.ids });
    this.stamps = new InitiationStamps({ own: 0, accepted: [] }, WALL_CLOCK_MS, () => undefined);
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    this.deps = {
      identity: this.identity,
      clusterSecrets,
      random,
      advert: () => this.advert.bytes,
      ciphers: () => ciphers,
      features: () => [],
      stamps: this.stamps,
      lastStamp: () => this.stamps.last,
      member: (id) => this.members.get(id),
      memberAddresses: () => new Set(),
      isWayTo: () => false,
      ...overrides,
    };
    this.slots = new SessionSlots(random);
    this.handshakes = new Handshakes(this.deps, this.slots);
  }

  get #keys(): ClusterKeys {
    return this.deps.clusterSecrets.oldest;
  }

  /** From now on this node and the other one know each other's adverts. */
  meet(other: HandshakeSide): void {
    this.members.set(other.identity.id, other.advert);
    other.members.set(this.identity.id, this.advert);
  }

  /**
   * The initiation of a new handshake.
   * @param target whom it is for; null for any node
   * @param framesWait whether it says that frames wait
   * @param turn handshakes before it that got no response
   */
  initiate(target: HandshakeSide | null = null, nowMs = 0, turn = 0, framesWait = false): Uint8Array {
    const staticKey = target?.identity.noiseKeys.publicKey ?? null;
    const expects = (id: NodeId): boolean => target === null || id === target.identity.id;
    return this.handshakes.initiationFor(
      this.handshakes.start(
        { expects, staticKey, secretIds: target?.advert.secretIds ?? null, turn, mayCross: true, framesWait },
        nowMs,
      )!,
      FROM_B,
      nowMs,
    )!;
  }

  /** Receives an initiation, and the same with the cookie that it asked for. */
  receiveWithCookie(initiation: Uint8Array, from: SocketAddress, nowMs = 0): HandshakeOutcome {
    const asked = this.handshakes.receive(initiation, from, nowMs);
    if (asked.type !== 'refused' || asked.reply === null) return asked;
    const keys = this.deps.clusterSecrets.authenticating(initiation) ?? this.#keys;
    const opened = openCookie(replyOf(asked), readHandshake(initiation)!.mac, keys);
    assert(opened !== null, 'the cookie is for this initiation');
    return this.handshakes.receive(withCookie(initiation, opened.cookie), from, nowMs);
  }

  /** An initiation that differs from a good one in its prologue or ephemeral key. */
  forgeInitiation({ prologue = PROLOGUE, publicKey }: { prologue?: string; publicKey?: Uint8Array }): Uint8Array {
    const made = x25519KeyPair(this.deps.random.bytes(KEY_BYTES));
    const noise = this.#noise(true, prologue, { ...made, publicKey: publicKey ?? made.publicKey });
    const payload = new Uint8Array(1000);
    payload.set(sealHello(this.identity.id, this.stamps.next(0), null, publicKey ?? made.publicKey, this.#keys));
    const message = noise.writeMessage(payload);
    return encodeHandshake({ type: TYPE_INITIATION, receiverIndex: 0, senderIndex: 77, noise: message }, this.#keys);
  }

  /** A response to `initiation` with this payload. */
  forgeResponse(initiation: Uint8Array, payload: Uint8Array): Uint8Array {
    const { noise: received, senderIndex } = readHandshake(initiation)!;
    const noise = this.#noise(false, PROLOGUE, x25519KeyPair(this.deps.random.bytes(KEY_BYTES)));
    noise.readMessage(received);
    const indices = { receiverIndex: senderIndex, senderIndex: 78 };
    return encodeHandshake({ type: TYPE_RESPONSE, ...indices, noise: noise.writeMessage(payload) }, this.#keys);
  }

  #noise(initiator: boolean, prologue: string, ephemeral: KeyPair): HandshakeState {
    return new HandshakeState({
      protocolName: NOISE_PROTOCOL,
      initiator,
      prologue: Buffer.from(prologue),
      staticKeys: this.identity.noiseKeys,
      psks: [this.#keys.psk],
      generateEphemeral: () => ephemeral,
    });
  }
}

/** The datagram with its fields changed and a good MAC, as a node that knows the cluster secret can make it. */
export function resealed(
  bytes: Uint8Array,
  change: (message: HandshakeDatagram) => Partial<HandshakeDatagram>,
): Uint8Array {
  const message = readHandshake(bytes)!;
  return encodeHandshake({ ...message, ...change(message) }, KEYS);
}

/** The datagram that an outcome sends back. */
export function replyOf(outcome: HandshakeOutcome): Uint8Array {
  const reply = 'reply' in outcome ? outcome.reply : null;
  assert(reply !== null, `the outcome ${outcome.type} has a reply`);
  return reply;
}

/** The session and the confirmation of an initiator. */
export function respondedOf(outcome: HandshakeOutcome): Extract<HandshakeOutcome, { type: 'responded' }> {
  assert(outcome.type === 'responded', `the outcome is "responded", not ${JSON.stringify(outcome)}`);
  return outcome;
}
