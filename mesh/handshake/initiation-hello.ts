/**
 * Hello of an initiation: who sends it, its stamp, and a proof for the node that it is meant for. It is the first part of the
 * initiation's payload, sealed under a key of the cluster secret, so a listener does not learn the node id.
 *
 * ```
 *  0         16       24       40      56
 *  +---------+--------+--------+-------+
 *  | node id | stamp  | proof  | tag   |     key: HMAC-BLAKE2s(cluster secret, "heddle/2 initiation" || ephemeral key)
 *  |         | u64    | or 0   |       |     ChaCha20-Poly1305, nonce 0
 *  +---------+--------+--------+-------+
 * ```
 *
 * The proof is a MAC under the shared secret of the two static keys: only the two nodes can make it, and it is good at no
 * third one. It is zero when the initiator does not know which node is at the address, as with a seed.
 *
 * The byte behind the hello is the demand: how badly the initiator needs the handshake. The transcript covers it.
 */
import { HandshakeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { MAC_BYTES, macsEqual, macUnder } from '../../common/wire/handshake-mac.js';
import { open, seal, suiteOf, TAG_BYTES } from '../noise/suite.js';
import type { ClusterKeys } from '../wire/cluster-keys.js';
import { bytesOfId, idOf } from '../wire/wire-schema.js';

const STAMP_AT = 16;
const PROOF_AT = STAMP_AT + 8;
const HELLO_BYTES = PROOF_AT + MAC_BYTES;
const SEALED_HELLO_BYTES = HELLO_BYTES + TAG_BYTES;
const DEMAND_AT = SEALED_HELLO_BYTES;
/** Position is the number on the wire; append-only. `unsaid`: a version that knows no cookie with a wait. */
const DEMANDS = ['unsaid', 'link', 'frames'] as const;
const PROOF_LABEL = Buffer.from('heddle/2 initiation proof');
const SUITE = suiteOf('ChaChaPoly', 'BLAKE2s');
const NO_PROOF = new Uint8Array(MAC_BYTES);
const NOTHING = new Uint8Array(0);

/** `frames`: frames wait for the session. */
export type Demand = (typeof DEMANDS)[number];

export interface InitiationHello {
  readonly id: NodeId;
  /** Higher in every handshake that the node initiates. */
  readonly stamp: number;
  /** Null when the initiation is for whichever node receives it. */
  readonly proof: Uint8Array | null;
  readonly demand: Demand;
}

/** Writes the demand into the payload of an initiation. */
export function writeDemand(payload: Uint8Array, framesWait: boolean): void {
  payload[DEMAND_AT] = DEMANDS.indexOf(framesWait ? 'frames' : 'link');
}

/** @param shared X25519 of the static keys of this node and the one that the initiation is for; null when that is unknown */
export function sealHello(
  id: NodeId,
  stamp: number,
  shared: Uint8Array | null,
  ephemeral: Uint8Array,
  keys: ClusterKeys,
): Uint8Array {
  const plain = withoutProof(id, stamp);
  if (shared !== null) plain.set(proofUnder(shared, plain, ephemeral), PROOF_AT);
  return seal(SUITE, keys.initiationKey(ephemeral), 0n, NOTHING, plain);
}

/** Throws {@link HandshakeError}. */
export function openHello(payload: Uint8Array, ephemeral: Uint8Array, keys: ClusterKeys): InitiationHello {
  const sealed = payload.subarray(0, SEALED_HELLO_BYTES);
  const plain = Buffer.from(open(SUITE, keys.initiationKey(ephemeral), 0n, NOTHING, sealed));
  if (plain.length !== HELLO_BYTES) {
    throw new HandshakeError('tooShort', `an initiation has a hello of ${plain.length} bytes, expected ${HELLO_BYTES}`);
  }
  const proof = plain.subarray(PROOF_AT);
  return {
    id: idOf(plain.subarray(0, STAMP_AT)),
    stamp: Number(plain.readBigUInt64BE(STAMP_AT)),
    proof: macsEqual(proof, NO_PROOF) ? null : proof,
    demand: DEMANDS[payload[DEMAND_AT] ?? 0] ?? 'link',
  };
}

/** Whether the node whose static key is behind `shared` made the hello for this node. */
export function hasValidProof(
  { id, stamp, proof }: InitiationHello,
  shared: Uint8Array,
  ephemeral: Uint8Array,
): boolean {
  if (proof === null) return false;
  return macsEqual(proof, proofUnder(shared, withoutProof(id, stamp), ephemeral));
}

function withoutProof(id: NodeId, stamp: number): Buffer {
  const plain = Buffer.alloc(HELLO_BYTES);
  plain.set(bytesOfId(id));
  plain.writeBigUInt64BE(BigInt(stamp), STAMP_AT);
  return plain;
}

function proofUnder(shared: Uint8Array, hello: Uint8Array, ephemeral: Uint8Array): Uint8Array {
  return macUnder(shared, PROOF_LABEL, hello.subarray(0, PROOF_AT), ephemeral);
}
