/**
 * HandshakeState of Noise: one side of a handshake (revision 34, section 5.3, with the PSK rules of section 9). Pure: messages
 * in, messages out. Production uses `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`.
 *
 * Error contract: when {@link HandshakeState.readMessage} throws, the state is as it was before the call, so a forged
 * message does not end a handshake.
 */
import { assert, HandshakeError } from '../../common/errors.js';
import type { CipherState } from './cipher-state.js';
import { KEY_BYTES, x25519 } from '../wire/curve-keys.js';
import type { KeyPair } from '../wire/curve-keys.js';
import { patternOf } from './patterns.js';
import type { Pattern, Token } from './patterns.js';
import { isNoiseCipher, isNoiseHash, suiteOf, TAG_BYTES } from './suite.js';
import type { Suite } from './suite.js';
import { SymmetricState } from './symmetric-state.js';

export interface HandshakeOptions {
  /** Such as `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`. */
  readonly protocolName: string;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  readonly staticKeys?: KeyPair;
  readonly remoteStatic?: Uint8Array;
  /** One 32-byte key per `psk` token, in order. */
  readonly psks?: readonly Uint8Array[];
  /** Called when token `e` is written. */
  readonly generateEphemeral: () => KeyPair;
}

/** Keys of a finished handshake, from this side's point of view. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
}

/** The state that a message changes; copied before a message is read. */
interface Progress {
  symmetric: SymmetricState;
  remoteStatic: Uint8Array | null;
  remoteEphemeral: Uint8Array | null;
  messageIndex: number;
  pskIndex: number;
}

export class HandshakeState {
  readonly #options: HandshakeOptions;
  readonly #pattern: Pattern;
  #ephemeral: KeyPair | null = null;
  #progress: Progress;

  constructor(options: HandshakeOptions) {
    const { pattern, suite } = parseProtocolName(options.protocolName);
    this.#options = options;
    this.#pattern = pattern;
    const symmetric = SymmetricState.start(suite, options.protocolName);
    symmetric.mixHash(options.prologue);
    const remoteStatic = options.remoteStatic ?? null;
    this.#progress = { symmetric, remoteStatic, remoteEphemeral: null, messageIndex: 0, pskIndex: 0 };
    if (pattern.preInitiator) symmetric.mixHash(this.#preMessageKey(options.initiator));
    if (pattern.preResponder) symmetric.mixHash(this.#preMessageKey(!options.initiator));
  }

  get remoteStatic(): Uint8Array | null {
    return this.#progress.remoteStatic;
  }

  get handshakeHash(): Uint8Array {
    return this.#progress.symmetric.handshakeHash;
  }

  get finished(): boolean {
    return this.#progress.messageIndex === this.#pattern.messages.length;
  }

  writeMessage(payload: Uint8Array): Uint8Array {
    const tokens = this.#takeTokens(true);
    const parts = tokens.map((token) => this.#writeToken(token));
    parts.push(this.#progress.symmetric.encryptAndHash(payload));
    this.#progress.messageIndex++;
    return Buffer.concat(parts);
  }

  /** The payload of `message`. Throws {@link HandshakeError} and leaves the state as it was. */
  readMessage(message: Uint8Array): Uint8Array {
    const tokens = this.#takeTokens(false);
    const before = { ...this.#progress, symmetric: this.#progress.symmetric.clone() };
    try {
      let rest = message;
      for (const token of tokens) rest = this.#readToken(token, rest);
      const payload = this.#progress.symmetric.decryptAndHash(rest);
      this.#progress.messageIndex++;
      return payload;
    } catch (thrown) {
      this.#progress = before;
      throw thrown;
    }
  }

  /** A function that restores the present state, for a caller that refuses a message after reading it. */
  checkpoint(): () => void {
    const saved = { ...this.#progress, symmetric: this.#progress.symmetric.clone() };
    return () => {
      this.#progress = { ...saved, symmetric: saved.symmetric.clone() };
    };
  }

  split(): Transport {
    assert(this.finished, 'a Noise handshake is split only when it has finished');
    const [first, second] = this.#progress.symmetric.split();
    return this.#options.initiator ? { send: first, receive: second } : { send: second, receive: first };
  }

  #takeTokens(writing: boolean): readonly Token[] {
    const { messageIndex } = this.#progress;
    const initiatorsTurn = messageIndex % 2 === 0;
    const ours = initiatorsTurn === this.#options.initiator;
    const tokens = this.#pattern.messages[messageIndex];
    assert(tokens !== undefined && ours === writing, 'handshake messages are read and written in turn');
    return tokens;
  }

  #writeToken(token: Token): Uint8Array {
    const { symmetric } = this.#progress;
    if (token === 'e') {
      this.#ephemeral = this.#options.generateEphemeral();
      this.#mixEphemeral(this.#ephemeral.publicKey);
      return this.#ephemeral.publicKey;
    }
    if (token === 's') return symmetric.encryptAndHash(this.#staticKeys().publicKey);
    this.#mixSecret(token);
    return new Uint8Array(0);
  }

  /** What is left of `message` after the token. */
  #readToken(token: Token, message: Uint8Array): Uint8Array {
    const progress = this.#progress;
    if (token !== 'e' && token !== 's') {
      this.#mixSecret(token);
      return message;
    }
    const length = token === 's' && progress.symmetric.hasKey ? KEY_BYTES + TAG_BYTES : KEY_BYTES;
    if (message.length < length)
      throw new HandshakeError('tooShort', `a handshake message ends in a key: ${message.length} of ${length} bytes`);
    const field = Uint8Array.prototype.slice.call(message, 0, length);
    if (token === 'e') {
      progress.remoteEphemeral = field;
      this.#mixEphemeral(field);
    } else {
      progress.remoteStatic = progress.symmetric.decryptAndHash(field);
    }
    return message.subarray(length);
  }

  /** In PSK patterns the ephemeral also goes into the key (section 9.2). */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#progress.symmetric.mixHash(publicKey);
    if (this.#pattern.hasPsk) this.#progress.symmetric.mixKey(publicKey);
  }

  #mixSecret(token: 'ee' | 'es' | 'se' | 'ss' | 'psk'): void {
    const { symmetric } = this.#progress;
    if (token === 'psk') {
      const psk = this.#options.psks?.[this.#progress.pskIndex++];
      assert(psk?.length === KEY_BYTES, 'a PSK pattern needs a 32-byte key per psk token');
      symmetric.mixKeyAndHash(psk);
      return;
    }
    const [initiators, responders] = token;
    const ours = this.#options.initiator ? initiators : responders;
    const theirs = this.#options.initiator ? responders : initiators;
    symmetric.mixKey(x25519(this.#local(ours === 's').privateKey, this.#remote(theirs === 's')));
  }

  #local(isStatic: boolean): KeyPair {
    if (isStatic) return this.#staticKeys();
    assert(this.#ephemeral !== null, 'the pattern sends e before it is used');
    return this.#ephemeral;
  }

  #remote(isStatic: boolean): Uint8Array {
    const key = isStatic ? this.#progress.remoteStatic : this.#progress.remoteEphemeral;
    assert(key !== null, "the pattern sends the peer's key before it is used");
    return key;
  }

  #staticKeys(): KeyPair {
    assert(this.#options.staticKeys !== undefined, 'this pattern needs a static key');
    return this.#options.staticKeys;
  }

  #preMessageKey(own: boolean): Uint8Array {
    const key = own ? this.#staticKeys().publicKey : this.#progress.remoteStatic;
    assert(key !== null, "this pattern needs the peer's static key beforehand");
    return key;
  }
}

function parseProtocolName(name: string): { pattern: Pattern; suite: Suite } {
  const [noise, pattern, dh, cipher, hash, ...rest] = name.split('_');
  const isSupported = noise === 'Noise' && dh === '25519' && rest.length === 0 && pattern !== undefined;
  assert(isSupported, `"${name}" is a Noise protocol name with curve 25519`);
  assert(cipher !== undefined && isNoiseCipher(cipher), `"${name}" names a supported cipher`);
  assert(hash !== undefined && isNoiseHash(hash), `"${name}" names a supported hash`);
  return { pattern: patternOf(pattern), suite: suiteOf(cipher, hash) };
}
