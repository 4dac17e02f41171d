/**
 * Handshake, each of its two sides, without I/O: Noise messages whose payloads are checked and bound to the static keys.
 *
 * ```
 *   InitiatorHandshake                                               ResponderHandshake
 *        | -- initiation:   e, {hello}, padding ---------------------------> |
 *        | <- response:     e, ee, s, es, {advert, ciphers} ---------------- |
 *        | -- confirmation: s, se, psk, {advert, ciphers, chosen cipher} --> |   both sides split
 * ```
 *
 * Error contract: when reading a message throws, the handshake is as it was before; a later message may still be good.
 */
import { DecodeError, HandshakeError } from '../../common/errors.js';
import type { HandshakeFailure } from '../../common/errors.js';
import type { CipherName, SessionKeys } from '../../common/router-port.js';
import { readAdvert, verifyAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import type { ClusterKeys } from '../wire/cluster-keys.js';
import { KEY_BYTES, x25519KeyPair } from '../wire/curve-keys.js';
import type { KeyPair } from '../wire/curve-keys.js';
import { TYPE_CONFIRMATION, TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import { encodeHandshake, handshakeOverhead } from '../../common/wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../../common/wire/handshake-datagram.js';
import { decodePayload, encodePayload, negotiateCipher } from '../wire/handshake-payload.js';
import type { HandshakePayload } from '../wire/handshake-payload.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeIdentity } from '../wire/identity.js';
import { openHello, sealHello, writeDemand } from './initiation-hello.js';
import type { InitiationHello } from './initiation-hello.js';
import { INITIATION_BYTES, PROLOGUE } from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import { HandshakeState } from '../noise/handshake-state.js';
import { TAG_BYTES } from '../noise/suite.js';

export const NOISE_PROTOCOL = 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s';
/** The hello, and zeros that make the initiation as long as it must be. */
const PAYLOAD_BYTES = INITIATION_BYTES - handshakeOverhead(TYPE_INITIATION) - KEY_BYTES - TAG_BYTES;

/** This node's part in every handshake: its keys, its advert, its ciphers. */
export interface HandshakeDeps {
  readonly identity: NodeIdentity;
  readonly keys: ClusterKeys;
  readonly random: RandomSource;
  /** This node's current advert, encoded. */
  advert(): Uint8Array;
  /** This node's ciphers, the preferred one first. */
  ciphers(): readonly CipherName[];
  /** Names of this node's optional abilities. */
  features(): readonly string[];
  /** The highest stamp of this node's initiations so far. */
  lastStamp(): number;
  /** The newest known advert of another member, whose signature was good. */
  member(id: NodeId): Advert | undefined;
}

/** The peer as its response or confirmation describes it. */
export interface PeerHello {
  readonly advert: Advert;
  /** The cipher that both lists lead to. */
  readonly cipher: CipherName;
  readonly features: readonly string[];
  /** No initiation of the peer to this node with this stamp or a lower one is waited for any more. */
  readonly lastStamp: number;
  /** Session index that the peer chose; datagrams to it carry this index. */
  readonly remoteIndex: number;
}

/** What a new initiation says. */
export interface InitiationStart {
  readonly stamp: number;
  /** Shared secret with the node that it is for, or null when that node is unknown. */
  readonly shared: Uint8Array | null;
  readonly framesWait: boolean;
}

export class InitiatorHandshake {
  readonly localIndex: number;
  readonly stamp: number;
  /** The datagram of {@link INITIATION_BYTES}; a retry sends the same bytes again. */
  readonly initiation: Uint8Array;
  readonly #deps: HandshakeDeps;
  readonly #noise: HandshakeState;
  #hasToldVersion = false;

  constructor(deps: HandshakeDeps, localIndex: number, { stamp, shared, framesWait }: InitiationStart) {
    this.localIndex = localIndex;
    this.stamp = stamp;
    this.#deps = deps;
    const ephemeral = x25519KeyPair(deps.random.bytes(KEY_BYTES));
    this.#noise = noiseOf(deps, true, () => ephemeral);
    const payload = new Uint8Array(PAYLOAD_BYTES);
    payload.set(sealHello(deps.identity.id, stamp, shared, ephemeral.publicKey, deps.keys));
    writeDemand(payload, framesWait);
    const noise = this.#noise.writeMessage(payload);
    this.initiation = encodeHandshake(
      { type: TYPE_INITIATION, receiverIndex: 0, senderIndex: localIndex, noise },
      deps.keys,
    );
  }

  /**
   * Reads a response. When `accepts` returns false for the peer, the state goes back to waiting for another response.
   * Throws {@link HandshakeError}.
   */
  readResponse(datagram: HandshakeDatagram, accepts: (hello: PeerHello) => boolean): PeerHello {
    const undo = this.#noise.checkpoint();
    let accepted = false;
    try {
      const payload = payloadOf(this.#noise.readMessage(datagram.noise));
      const hello = helloOf(payload, this.#noise, this.#deps, datagram.senderIndex);
      accepted = accepts(hello);
      return hello;
    } finally {
      if (!accepted) undo();
    }
  }

  /** Writes the confirmation to an accepted peer. */
  confirm(hello: PeerHello): { confirmation: Uint8Array; session: SessionKeys } {
    return {
      confirmation: this.#confirmation(hello.remoteIndex, hello.cipher),
      session: sessionOf(this.#noise, hello, this.localIndex),
    };
  }

  /**
   * Confirmation for a peer whose response has another protocol version: it makes no session, and the peer learns this node's
   * version from it. The state still waits for a good response. Null from the second call on: the same response again would get
   * another payload under the same key and nonce.
   */
  tellVersion(datagram: HandshakeDatagram): Uint8Array | null {
    if (this.#hasToldVersion) return null;
    this.#hasToldVersion = true;
    const undo = this.#noise.checkpoint();
    try {
      this.#noise.readMessage(datagram.noise);
      return this.#confirmation(datagram.senderIndex, null);
    } finally {
      undo();
    }
  }

  #confirmation(receiverIndex: number, cipher: CipherName | null): Uint8Array {
    const noise = this.#noise.writeMessage(encodePayload(ownPayload(this.#deps, cipher)));
    return encodeHandshake({ type: TYPE_CONFIRMATION, receiverIndex, senderIndex: 0, noise }, this.#deps.keys);
  }
}

/** An initiation that was read and not responded to. Reading it takes no curve operation. */
export class ReceivedInitiation {
  readonly hello: InitiationHello;
  readonly ephemeral: Uint8Array;
  readonly #deps: HandshakeDeps;
  readonly #noise: HandshakeState;
  readonly #remoteIndex: number;

  /** Throws {@link HandshakeError}. */
  constructor(deps: HandshakeDeps, initiation: HandshakeDatagram) {
    this.#deps = deps;
    this.#remoteIndex = initiation.senderIndex;
    this.#noise = noiseOf(deps, false, () => x25519KeyPair(deps.random.bytes(KEY_BYTES)));
    const payload = this.#noise.readMessage(initiation.noise);
    this.ephemeral = initiation.noise.subarray(0, KEY_BYTES);
    this.hello = openHello(payload, this.ephemeral, deps.keys);
  }

  /** Writes the response. Throws {@link HandshakeError}. */
  respond(localIndex: number): ResponderHandshake {
    return new ResponderHandshake(this.#deps, this.#noise, this.#remoteIndex, localIndex, this.hello);
  }
}

export class ResponderHandshake {
  readonly localIndex: number;
  /** As the initiation says, not proven until the confirmation is read. */
  readonly initiator: InitiationHello;
  /** The datagram of the response; a repeated initiation gets the same bytes again. */
  readonly response: Uint8Array;
  readonly #deps: HandshakeDeps;
  readonly #noise: HandshakeState;
  readonly #remoteIndex: number;

  /** Writes the response to an initiation that `noise` has read. */
  constructor(
    deps: HandshakeDeps,
    noise: HandshakeState,
    remoteIndex: number,
    localIndex: number,
    initiator: InitiationHello,
  ) {
    this.localIndex = localIndex;
    this.initiator = initiator;
    this.#deps = deps;
    this.#noise = noise;
    this.#remoteIndex = remoteIndex;
    const message = {
      type: TYPE_RESPONSE,
      receiverIndex: remoteIndex,
      senderIndex: localIndex,
      noise: noise.writeMessage(encodePayload(ownPayload(deps, null))),
    } as const;
    this.response = encodeHandshake(message, deps.keys);
  }

  /** Reads the confirmation. Throws {@link HandshakeError}; the state then still waits for a good one. */
  readConfirmation(datagram: HandshakeDatagram): { hello: PeerHello; session: SessionKeys } {
    const undo = this.#noise.checkpoint();
    try {
      const payload = payloadOf(this.#noise.readMessage(datagram.noise));
      const hello = helloOf(payload, this.#noise, this.#deps, this.#remoteIndex);
      if (payload.chosen !== hello.cipher) {
        throw new HandshakeError(
          'otherCipher',
          `the peer chose the cipher ${payload.chosen}, expected ${hello.cipher}`,
        );
      }
      if (hello.advert.id !== this.initiator.id) {
        throw new HandshakeError(
          'otherIdentity',
          `the initiation was of node ${this.initiator.id}, the confirmation is of node ${hello.advert.id}`,
        );
      }
      return { hello, session: sessionOf(this.#noise, hello, this.localIndex) };
    } catch (thrown) {
      undo();
      throw thrown;
    }
  }
}

function noiseOf(deps: HandshakeDeps, initiator: boolean, generateEphemeral: () => KeyPair): HandshakeState {
  return new HandshakeState({
    protocolName: NOISE_PROTOCOL,
    initiator,
    prologue: Buffer.from(PROLOGUE),
    staticKeys: deps.identity.noiseKeys,
    psks: [deps.keys.psk],
    generateEphemeral,
  });
}

function ownPayload(deps: HandshakeDeps, chosen: CipherName | null): HandshakePayload {
  const [features, ciphers] = [deps.features(), deps.ciphers()];
  return { advert: deps.advert(), features, ciphers, chosen, lastStamp: deps.lastStamp() };
}

function payloadOf(bytes: Uint8Array): HandshakePayload {
  return decodedOr('badPayload', () => decodePayload(bytes));
}

/** The static key that Noise authenticated must be the one that the signed advert names. */
function helloOf(
  payload: HandshakePayload,
  noise: HandshakeState,
  deps: HandshakeDeps,
  remoteIndex: number,
): PeerHello {
  const unverified = decodedOr('badAdvert', () => readAdvert(payload.advert));
  const { id } = unverified.advert;
  const known = deps.member(id);
  const isKnown = known !== undefined && Buffer.compare(known.bytes, payload.advert) === 0;
  const advert = isKnown ? known : verifyAdvert(unverified);
  if (advert === null) throw new HandshakeError('badSignature', `the advert of node ${id} is not signed by its key`);
  if (noise.remoteStatic === null || !Buffer.from(advert.noiseKey).equals(noise.remoteStatic)) {
    throw new HandshakeError('otherStaticKey', `the static key is not the one in the advert of node ${id}`);
  }
  const cipher = negotiateCipher(deps.ciphers(), payload.ciphers);
  return { advert, cipher, features: payload.features, lastStamp: payload.lastStamp, remoteIndex };
}

/** Runs a decoder; bytes that do not decode are a handshake failure of this name. */
function decodedOr<Value>(failure: HandshakeFailure, decode: () => Value): Value {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw new HandshakeError(failure, thrown.message, { cause: thrown });
    throw thrown;
  }
}

function sessionOf(noise: HandshakeState, hello: PeerHello, localIndex: number): SessionKeys {
  const { send, receive } = noise.split();
  return {
    peer: hello.advert.id,
    localIndex,
    remoteIndex: hello.remoteIndex,
    cipher: hello.cipher,
    sendKey: new Uint8Array(send.key),
    receiveKey: new Uint8Array(receive.key),
  };
}
