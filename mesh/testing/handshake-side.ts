/**
 * Node in handshake tests: an identity, its handshakes, and forged Noise messages of a node that knows the
 * cluster secret.
 */
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { assert } from '../../common/errors.js';
import { signAdvert } from '../wire/advert.js';
import { ClusterKeys } from '../wire/cluster-keys.js';
import { KEY_BYTES, x25519KeyPair } from '../wire/curve-keys.js';
import type { KeyPair } from '../wire/curve-keys.js';
import { TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../../common/wire/handshake-datagram.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import { NOISE_PROTOCOL } from '../handshake/handshake.js';
import type { HandshakeDeps } from '../handshake/handshake.js';
import { Handshakes } from '../handshake/handshakes.js';
import type { HandshakeOutcome } from '../handshake/handshakes.js';
import { SessionSlots } from '../handshake/session-slots.js';
import { PROLOGUE } from '../limits.js';
import { HandshakeState } from '../noise/handshake-state.js';
import { SeededRandom } from './seeded-random.js';

export const FROM_A = parseSocketAddress('192.0.2.1:6785');
export const FROM_B = parseSocketAddress('192.0.2.2:6785');
export const KEYS = new ClusterKeys(new Uint8Array(32).fill(1));
const STAMP = { createdAtMs: 1, revision: 1, incarnation: 1 };

export class HandshakeSide {
  readonly identity: NodeIdentity;
  readonly slots: SessionSlots;
  readonly handshakes: Handshakes;
  readonly deps: HandshakeDeps;

  constructor(seed: number, overrides: Partial<HandshakeDeps> = {}) {
    const random = new SeededRandom(seed);
    this.identity = generateIdentity(random);
    const self = { name: `n${seed}`, version: '1', endpoints: [], podCidrs: [] };
    const { bytes } = signAdvert(this.identity, self, STAMP);
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    const deps = { identity: this.identity, keys: KEYS, random, advert: () => bytes, ciphers: () => ciphers };
    this.deps = { ...deps, ...overrides };
    this.slots = new SessionSlots(random);
    this.handshakes = new Handshakes(this.deps, this.slots);
  }

  /** The initiation of a new handshake. */
  initiate(nowMs = 0, expects: (id: string) => boolean = () => true): Uint8Array {
    return this.handshakes.initiationFor(this.handshakes.start(expects, nowMs)!, FROM_B, nowMs)!;
  }

  /** An initiation that differs from a good one in its prologue or ephemeral key. */
  forgeInitiation({ prologue = PROLOGUE, publicKey }: { prologue?: string; publicKey?: Uint8Array }): Uint8Array {
    const made = x25519KeyPair(this.deps.random.bytes(KEY_BYTES));
    const noise = this.#noise(true, prologue, { ...made, publicKey: publicKey ?? made.publicKey });
    const message = noise.writeMessage(new Uint8Array(1000));
    return encodeHandshake(
      { type: TYPE_INITIATION, receiverIndex: 0, senderIndex: 77, noise: message },
      this.deps.keys,
    );
  }

  /** A response to `initiation` with this payload. */
  forgeResponse(initiation: Uint8Array, payload: Uint8Array): Uint8Array {
    const { noise: received, senderIndex } = readHandshake(initiation)!;
    const noise = this.#noise(false, PROLOGUE, x25519KeyPair(this.deps.random.bytes(KEY_BYTES)));
    noise.readMessage(received);
    const indices = { receiverIndex: senderIndex, senderIndex: 78 };
    return encodeHandshake({ type: TYPE_RESPONSE, ...indices, noise: noise.writeMessage(payload) }, this.deps.keys);
  }

  #noise(initiator: boolean, prologue: string, ephemeral: KeyPair): HandshakeState {
    return new HandshakeState({
      protocolName: NOISE_PROTOCOL,
      initiator,
      prologue: Buffer.from(prologue),
      staticKeys: this.identity.noiseKeys,
      psks: [this.deps.keys.psk],
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
  const reply = outcome.type === 'reply' || outcome.type === 'refused' ? outcome.reply : null;
  assert(reply !== null, `the outcome ${outcome.type} has a reply`);
  return reply;
}

/** The session and the confirmation of an initiator. */
export function respondedOf(outcome: HandshakeOutcome): Extract<HandshakeOutcome, { type: 'responded' }> {
  assert(outcome.type === 'responded', `the outcome is "responded", not ${JSON.stringify(outcome)}`);
  return outcome;
}
