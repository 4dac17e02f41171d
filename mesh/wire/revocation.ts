/**
 * Revocation: an operator's signed decision that a node is no longer a member, or is one again. On the wire `[body, mac,
 * signature]`: the body is the msgpack of the fields below; the MAC is under a key of a cluster secret, so another secret voids
 * all revocations, unless it comes by a rotation; the signature is Ed25519 by the node on which the operator decided, so
 * everybody sees whose decision it was.
 * Not here: which of several counts (`cluster/revocations.ts`).
 */
import { timingSafeEqual } from 'node:crypto';
import { Compile } from 'typebox/compile';
import { encodeMsgpack } from '../../common/codec/msgpack.js';
import { nodeIdOf } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import { MAX_NAME_LENGTH, MAX_REVOCATION_BYTES } from '../limits.js';
import type { ClusterKeys } from './cluster-keys.js';
import type { ClusterSecrets } from './cluster-secrets.js';
import { KEY_BYTES, SIGNATURE_BYTES, verifyEd25519 } from './curve-keys.js';
import type { NodeIdentity } from './identity.js';
import { Bytes, bytesOfId, Count, decodeAs, Fields, Id, idOf, Text } from './wire-schema.js';

const SIGNATURE_DOMAIN = Buffer.from('heddle/2 revocation\0');
const MAC_BYTES = 16;
const VERSION = 1;
const REVOKED = 1;
const LIFTED = 0;

const Envelope = Compile(Fields(Bytes(1, MAX_REVOCATION_BYTES), Bytes(MAC_BYTES), Bytes(SIGNATURE_BYTES)));
/** Version, node, its name, state, wall-clock ms, identity key of the issuer. */
const Body = Compile(Fields(Count(), Id, Text(MAX_NAME_LENGTH), Count(), Count(), Bytes(KEY_BYTES)));

export interface Revocation {
  readonly node: NodeId;
  /** For people: the name that the node had. */
  readonly name: string;
  /** False when the revocation before it is lifted. */
  readonly isRevoked: boolean;
  /** Wall-clock ms of the decision: the latest one about a node counts. */
  readonly atMs: number;
  /** The node on which it was decided. */
  readonly issuer: NodeId;
  /** The encoded revocation. */
  readonly bytes: Uint8Array;
}

export type Decision = Pick<Revocation, 'node' | 'name' | 'isRevoked' | 'atMs'>;

export function signRevocation(identity: NodeIdentity, keys: ClusterKeys, decision: Decision): Revocation {
  const { node, name, isRevoked, atMs } = decision;
  const fields = [VERSION, bytesOfId(node), name, isRevoked ? REVOKED : LIFTED, atMs, identity.publicKey];
  const body = encodeMsgpack(fields);
  const signature = identity.sign(Buffer.concat([SIGNATURE_DOMAIN, body]));
  const bytes = envelope(body, signature, keys);
  return { ...decision, issuer: identity.id, bytes };
}

/** The same decision with a MAC under these keys, which need not be those of its issuer. */
export function underKeys(revocation: Revocation, keys: ClusterKeys): Revocation {
  const [body, , signature] = decodeAs(Envelope, revocation.bytes, MAX_REVOCATION_BYTES, 'a revocation');
  return { ...revocation, bytes: envelope(body, signature, keys) };
}

/** Null for one of another cluster secret, with a wrong signature, or of a later version. Throws DecodeError. */
export function readRevocation(bytes: Uint8Array, secrets: ClusterSecrets): Revocation | null {
  const [body, mac, signature] = decodeAs(Envelope, bytes, MAX_REVOCATION_BYTES, 'a revocation');
  // Before the signature: a stranger costs one MAC.
  if (secrets.find((keys) => timingSafeEqual(mac, keys.revocationMac(body))) === null) return null;
  const [version, node, name, state, atMs, key] = decodeAs(
    Body,
    body,
    MAX_REVOCATION_BYTES,
    'the body of a revocation',
  );
  if (version !== VERSION || (state !== REVOKED && state !== LIFTED)) return null;
  if (!verifyEd25519(key, Buffer.concat([SIGNATURE_DOMAIN, body]), signature)) return null;
  return { node: idOf(node), name, isRevoked: state === REVOKED, atMs, issuer: nodeIdOf(key), bytes };
}

function envelope(body: Uint8Array, signature: Uint8Array, keys: ClusterKeys): Uint8Array {
  return encodeMsgpack([body, keys.revocationMac(body), signature]);
}
