/**
 * Payload of a response and a confirmation: `[protocol, advert, features, ciphers, chosen cipher, last stamp]`; a response
 * chooses no cipher. The handshake authenticates lists and choice, which rules out a downgrade by an attacker in the path.
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { HandshakeError } from '../../common/errors.js';
import { encodeMsgpack } from '../../common/codec/msgpack.js';
import type { CipherName } from '../../common/router-port.js';
import { MAX_ADVERT_BYTES, PROTOCOL_VERSION } from '../limits.js';
import { MAX_HANDSHAKE_BYTES } from '../../common/wire/handshake-datagram.js';
import { Bytes, Count, decodeAs, Fields, ListOf, Text } from './wire-schema.js';

const MAX_NAMES = 32;
const MAX_NAME = 64;

const Payload = Compile(
  Fields(
    Count(),
    Bytes(1, MAX_ADVERT_BYTES),
    ListOf(Text(MAX_NAME), MAX_NAMES),
    ListOf(Text(MAX_NAME), MAX_NAMES),
    Type.Union([Text(MAX_NAME), Type.Null()]),
    Count(),
  ),
);

const AnyVersion = Compile(Fields(Count()));

/**
 * In a response: data datagrams of the new session may follow the confirmation at once, the router keeps them until the confirmation
 * was read (ADR 0046).
 */
export const EARLY_FRAMES = 'early-frames';

export interface HandshakePayload {
  readonly advert: Uint8Array;
  /** Names of optional abilities of the sender, as {@link EARLY_FRAMES}; unknown names are ignored. */
  readonly features: readonly string[];
  /** Names of ciphers, the preferred one first; unknown names are kept and ignored. */
  readonly ciphers: readonly string[];
  readonly chosen: string | null;
  /** The highest stamp of the sender's initiations so far: this handshake supersedes those to the receiver. */
  readonly lastStamp: number;
}

export function encodePayload(payload: HandshakePayload): Uint8Array {
  const { advert, features, ciphers, chosen, lastStamp } = payload;
  return encodeMsgpack([PROTOCOL_VERSION, advert, features, ciphers, chosen, lastStamp]);
}

/**
 * Throws `DecodeError` on another shape and {@link HandshakeError} on another protocol version, of which only the first field is
 * known.
 */
export function decodePayload(bytes: Uint8Array): HandshakePayload {
  const [protocol] = decodeAs(AnyVersion, bytes, MAX_HANDSHAKE_BYTES, 'a handshake payload');
  if (protocol !== PROTOCOL_VERSION) {
    const versions = `the peer speaks protocol version ${protocol}, this node ${PROTOCOL_VERSION}`;
    throw new HandshakeError('otherVersion', `${versions}; run the same version of Heddle on both`);
  }
  const fields = decodeAs(Payload, bytes, MAX_HANDSHAKE_BYTES, 'a handshake payload');
  const [, advert, features, ciphers, chosen, lastStamp] = fields;
  return { advert, features, ciphers, chosen, lastStamp };
}

/**
 * The cipher of the session: AES-256-GCM when both sides list it first, else the first that both have of ChaCha20-Poly1305
 * and AES-256-GCM. Symmetric in its arguments. Throws {@link HandshakeError} when there is none.
 */
export function negotiateCipher(a: readonly string[], b: readonly string[]): CipherName {
  if (a[0] === 'aes-256-gcm' && b[0] === 'aes-256-gcm') return 'aes-256-gcm';
  for (const cipher of ['chacha20-poly1305', 'aes-256-gcm'] as const) {
    if (a.includes(cipher) && b.includes(cipher)) return cipher;
  }
  throw new HandshakeError(
    'noCommonCipher',
    `no cipher in common: one side has ${a.join(', ')}; the other ${b.join(', ')}`,
  );
}

/** A router's ciphers in its own order, or with the preferred one first if the router has it. */
export function preferCipher(ciphers: readonly CipherName[], preference: 'auto' | CipherName): readonly CipherName[] {
  if (preference === 'auto' || !ciphers.includes(preference)) return ciphers;
  return [preference, ...ciphers.filter((cipher) => cipher !== preference)];
}
