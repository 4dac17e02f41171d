/**
 * Identity of this node: an Ed25519 key, which signs its adverts and whose hash is the node id, and an X25519 static key for
 * Noise. Owns the text of the key file, not the file. `JSON.stringify` and `util.inspect` show the id and no private key.
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { IdentityError } from '../../common/errors.js';
import { nodeIdOf } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import { ed25519KeyPair, KEY_BYTES, signEd25519, x25519KeyPair } from './curve-keys.js';
import type { KeyPair } from './curve-keys.js';
import type { RandomSource } from '../mesh-io.js';

const KEY_FILE_VERSION = 1;

const BASE64_OF_32_BYTES = '^[A-Za-z0-9+/]{43}=$';
const KeyFile = Compile(
  Type.Object({
    version: Type.Literal(KEY_FILE_VERSION),
    signingKey: Type.String({ pattern: BASE64_OF_32_BYTES }),
    noiseKey: Type.String({ pattern: BASE64_OF_32_BYTES }),
  }),
);

export class NodeIdentity {
  readonly id: NodeId;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #signingSeed: Uint8Array;
  readonly #noiseSeed: Uint8Array;
  readonly #signing: KeyPair;
  readonly #noise: KeyPair;

  /** Both seeds are private keys of 32 bytes. */
  constructor(signingSeed: Uint8Array, noiseSeed: Uint8Array) {
    this.#signingSeed = signingSeed;
    this.#noiseSeed = noiseSeed;
    this.#signing = ed25519KeyPair(signingSeed);
    this.#noise = x25519KeyPair(noiseSeed);
    this.publicKey = this.#signing.publicKey;
    this.id = nodeIdOf(this.publicKey);
  }

  /** The Noise static key. */
  get noiseKeys(): KeyPair {
    return this.#noise;
  }

  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return signEd25519(this.#signing.privateKey, message);
  }

  /** The content of the key file: secret, for a file that only its owner may read. */
  encode(): string {
    const file = {
      version: KEY_FILE_VERSION,
      signingKey: Buffer.from(this.#signingSeed).toString('base64'),
      noiseKey: Buffer.from(this.#noiseSeed).toString('base64'),
    };
    return `${JSON.stringify(file, null, 2)}\n`;
  }

  toJSON(): { id: NodeId } {
    return { id: this.id };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `NodeIdentity(${this.id})`;
  }
}

export function generateIdentity(random: RandomSource): NodeIdentity {
  return new NodeIdentity(random.bytes(KEY_BYTES), random.bytes(KEY_BYTES));
}

/** The text for the key file. It holds the private keys. */
export function encodeIdentity(identity: NodeIdentity): string {
  return identity.encode();
}

/** Inverse of {@link encodeIdentity}. Throws {@link IdentityError}, which never repeats the content. */
export function decodeIdentity(text: string): NodeIdentity {
  const file = parseJson(text);
  if (!KeyFile.Check(file)) {
    throw new IdentityError(`the key file is not valid (expected version ${KEY_FILE_VERSION} and two base64 keys)`);
  }
  return new NodeIdentity(fromBase64(file.signingKey), fromBase64(file.noiseKey));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A cause would quote the content.
    throw new IdentityError('the key file is not JSON');
  }
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
