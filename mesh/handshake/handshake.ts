/**
 * One handshake, either side, without I/O: Noise messages with the payloads checked and bound to the keys.
 *
 *   initiator                                                    responder
 *   Initiation -- 1: e, padding ------------------------------->  Response
 *              <- 2: e, ee, s, es, {advert, ciphers} ------------
 *              -- 3: s, se, psk, {advert, ciphers, choice} ----->  both split
 *
 * Error contract: a message that throws leaves the handshake as it was; the next one may still be good.
 */
import { HandshakeError } from '../../common/errors.js';
import type { CipherName, SessionKeys } from '../../common/router-port.js';
import { readAdvert, verifyAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import type { ClusterKeys } from '../wire/cluster-keys.js';
import { KEY_BYTES, x25519KeyPair } from '../wire/curve-keys.js';
import { encodeHandshake, handshakeOverhead } from '../wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../wire/handshake-datagram.js';
import { decodePayload, encodePayload, negotiateCipher } from '../wire/handshake-payload.js';
import type { HandshakePayload } from '../wire/handshake-payload.js';
import type { NodeIdentity } from '../wire/identity.js';
import { OPENING_BYTES, PROLOGUE } from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import { HandshakeState } from '../noise/handshake-state.js';
import { TAG_BYTES } from '../noise/suite.js';

const NOISE_PROTOCOL = 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s';
const PADDING_BYTES = OPENING_BYTES - handshakeOverhead(1) - KEY_BYTES - TAG_BYTES;

/** What this node brings to every handshake. */
export interface HandshakeDeps {
  readonly identity: NodeIdentity;
  readonly keys: ClusterKeys;
  readonly random: RandomSource;
  /** This node's current advert, encoded. */
  advert(): Uint8Array;
  /** This node's ciphers, the preferred one first. */
  ciphers(): readonly CipherName[];
}

/** The peer as message 2 or 3 showed it. */
export interface PeerHello {
  readonly advert: Advert;
  readonly ciphers: readonly string[];
  /** Index that the peer chose: goes into what we send to it. */
  readonly remoteIndex: number;
}

export class Initiation {
  readonly localIndex: number;
  /** The datagram of message 1, {@link OPENING_BYTES} long; the same bytes are sent again on a retry. */
  readonly opening: Uint8Array;
  readonly #deps: HandshakeDeps;
  readonly #noise: HandshakeState;

  constructor(deps: HandshakeDeps, localIndex: number) {
    this.localIndex = localIndex;
    this.#deps = deps;
    this.#noise = noiseOf(deps, true);
    const noise = this.#noise.writeMessage(new Uint8Array(PADDING_BYTES));
    this.opening = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: localIndex, noise }, deps.keys);
  }

  /**
   * Reads message 2. When `accepts` says no to the peer, the state goes back to waiting for another answer.
   * Throws {@link HandshakeError} or `DecodeError`.
   */
  readAnswer(datagram: HandshakeDatagram, accepts: (hello: PeerHello) => boolean): PeerHello {
    const undo = this.#noise.checkpoint();
    let accepted = false;
    try {
      const payload = decodePayload(this.#noise.readMessage(datagram.noise));
      const hello = helloOf(payload, this.#noise, datagram.senderIndex);
      accepted = accepts(hello);
      return hello;
    } finally {
      if (!accepted) undo();
    }
  }

  /** Writes message 3 to an accepted peer. */
  finish(hello: PeerHello): { datagram: Uint8Array; session: SessionKeys } {
    const cipher = negotiateCipher(this.#deps.ciphers(), hello.ciphers);
    const noise = this.#noise.writeMessage(encodePayload(ownPayload(this.#deps, cipher)));
    const message = { type: 3, receiverIndex: hello.remoteIndex, senderIndex: 0, noise } as const;
    return {
      datagram: encodeHandshake(message, this.#deps.keys),
      session: sessionOf(this.#noise, hello, this.localIndex, cipher),
    };
  }
}

export class Response {
  readonly localIndex: number;
  /** The datagram of message 2. */
  readonly answer: Uint8Array;
  readonly #deps: HandshakeDeps;
  readonly #noise: HandshakeState;
  readonly #remoteIndex: number;

  /** Reads message 1 and writes message 2. Throws {@link HandshakeError}. */
  constructor(deps: HandshakeDeps, opening: HandshakeDatagram, localIndex: number) {
    this.localIndex = localIndex;
    this.#deps = deps;
    this.#remoteIndex = opening.senderIndex;
    this.#noise = noiseOf(deps, false);
    this.#noise.readMessage(opening.noise);
    const noise = this.#noise.writeMessage(encodePayload(ownPayload(deps, null)));
    const message = { type: 2, receiverIndex: opening.senderIndex, senderIndex: localIndex, noise } as const;
    this.answer = encodeHandshake(message, deps.keys);
  }

  /** Reads message 3. Throws {@link HandshakeError} or `DecodeError`; the state then still waits for a good one. */
  readFinal(datagram: HandshakeDatagram): { hello: PeerHello; session: SessionKeys } {
    const undo = this.#noise.checkpoint();
    try {
      const payload = decodePayload(this.#noise.readMessage(datagram.noise));
      const hello = helloOf(payload, this.#noise, this.#remoteIndex);
      const cipher = negotiateCipher(this.#deps.ciphers(), hello.ciphers);
      if (payload.chosen !== cipher) throw new HandshakeError(`the peer chose a cipher other than ${cipher}`);
      return { hello, session: sessionOf(this.#noise, hello, this.localIndex, cipher) };
    } catch (thrown) {
      undo();
      throw thrown;
    }
  }
}

function noiseOf(deps: HandshakeDeps, initiator: boolean): HandshakeState {
  return new HandshakeState({
    protocolName: NOISE_PROTOCOL,
    initiator,
    prologue: Buffer.from(PROLOGUE),
    staticKeys: deps.identity.noiseKeys,
    psks: [deps.keys.psk],
    generateEphemeral: () => x25519KeyPair(deps.random.bytes(KEY_BYTES)),
  });
}

function ownPayload(deps: HandshakeDeps, chosen: CipherName | null): HandshakePayload {
  return { advert: deps.advert(), features: [], ciphers: deps.ciphers(), chosen };
}

/** The static key that Noise authenticated must be the one that the signed advert names. */
function helloOf(payload: HandshakePayload, noise: HandshakeState, remoteIndex: number): PeerHello {
  const advert = verifyAdvert(readAdvert(payload.advert));
  if (advert === null) throw new HandshakeError("the peer's advert is not signed by its key");
  if (noise.remoteStatic === null || !Buffer.from(advert.noiseKey).equals(noise.remoteStatic)) {
    throw new HandshakeError("the peer's static key is not the one in its advert");
  }
  return { advert, ciphers: payload.ciphers, remoteIndex };
}

function sessionOf(noise: HandshakeState, hello: PeerHello, localIndex: number, cipher: CipherName): SessionKeys {
  const { send, receive } = noise.split();
  return {
    peer: hello.advert.id,
    localIndex,
    remoteIndex: hello.remoteIndex,
    cipher,
    sendKey: new Uint8Array(send.key),
    receiveKey: new Uint8Array(receive.key),
  };
}
