/**
 * Advert: the signed description of a node. On the wire `[body, signature]`: the body is the msgpack of the fields below, the
 * signature is Ed25519 over a domain string and the body's bytes as they travel, so verifying needs no second encoding.
 * Not here: which advert is current (`membership.ts`), whether its claims are valid (`ownership-table.ts`).
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { assert, DecodeError } from '../../common/errors.js';
import { encodeMsgpack } from '../../common/codec/msgpack.js';
import { nodeIdOf } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress, parseSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { SECRET_ID_DIGITS } from './cluster-keys.js';
import { MAX_CLUSTER_SECRETS } from './cluster-secrets.js';
import { KEY_BYTES, SIGNATURE_BYTES, verifyEd25519 } from './curve-keys.js';
import type { NodeIdentity } from './identity.js';
import {
  ADVERT_FIT_BYTES,
  MAX_ADVERT_BYTES,
  MAX_ADVERT_ENDPOINTS,
  MAX_NAME_LENGTH,
  MAX_VERSION_LENGTH,
  PROTOCOL_VERSION,
} from '../limits.js';
import { MAX_CIDRS_PER_NODE } from '../../common/protocol.js';
import type { SelfDescription } from '../mesh-io.js';
import { Bytes, Count, decodeAs, Fields, ListOf, Text } from './wire-schema.js';

const SIGNATURE_DOMAIN = Buffer.from('heddle/2 advert\0');
/** Longest text of a socket address or CIDR with IPv6 written out. */
const MAX_ADDRESS_TEXT = 64;
/** The largest IP packet. */
const MAX_POD_MTU_BYTES = 65535;

const Envelope = Compile(Fields(Bytes(1, MAX_ADVERT_BYTES), Bytes(SIGNATURE_BYTES)));
const BodyHead = [
  Count(),
  Bytes(KEY_BYTES),
  Bytes(KEY_BYTES),
  Text(MAX_NAME_LENGTH, 1),
  Text(MAX_VERSION_LENGTH),
  ListOf(Text(MAX_ADDRESS_TEXT), MAX_ADVERT_ENDPOINTS),
  ListOf(Text(MAX_ADDRESS_TEXT), MAX_CIDRS_PER_NODE),
  Count(),
  Count(),
  Count(),
  Count(),
] as const;
const PodMtu = Type.Union([Count(MAX_POD_MTU_BYTES), Type.Null()]);
const SecretIds = ListOf(Text(SECRET_ID_DIGITS, SECRET_ID_DIGITS), MAX_CLUSTER_SECRETS);
/** Adverts of earlier versions end before the ids of secrets, or before the pod MTU. */
const BodySchema = Type.Union([
  Fields(...BodyHead, PodMtu, SecretIds),
  Type.Tuple([...BodyHead, PodMtu]),
  Type.Tuple([...BodyHead]),
]);
const Body = Compile(BodySchema);

export interface Advert extends SelfDescription {
  readonly protocol: number;
  readonly id: NodeId;
  /** Raw Ed25519 public key. */
  readonly identityKey: Uint8Array;
  /** Raw X25519 public key: the Noise static key. */
  readonly noiseKey: Uint8Array;
  /** Wall-clock ms of the identity's first advert: in a conflict over a CIDR the earlier identity wins. */
  readonly createdAtMs: number;
  /** Higher in every new advert of the node: wall-clock ms of signing, or the last revision plus one. */
  readonly revision: number;
  /** Random per process: two values at once mean two processes with the same key. */
  readonly incarnation: number;
  /** Initiations of the node without a proof and with a lower stamp are replays. */
  readonly lowestStamp: number;
  /** Cluster secrets that the node has, oldest first ({@link ClusterKeys.id}); null from an earlier version. */
  readonly secretIds: readonly string[] | null;
  /** The encoded advert. */
  readonly bytes: Uint8Array;
}

/** An advert with well-formed fields whose signature is not verified yet. */
export interface UnverifiedAdvert {
  readonly advert: Advert;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

export interface AdvertStamp {
  readonly createdAtMs: number;
  readonly revision: number;
  readonly incarnation: number;
  readonly lowestStamp: number;
  /** None when left out. */
  readonly secretIds?: readonly string[];
}

/**
 * Signs an advert. Names and lists beyond their limits are cut; the configuration has been checked for that before. The last
 * endpoints are left out where the body would exceed ADVERT_FIT_BYTES otherwise.
 */
export function signAdvert(identity: NodeIdentity, self: SelfDescription, stamp: AdvertStamp): Advert {
  const endpoints = self.endpoints.slice(0, MAX_ADVERT_ENDPOINTS);
  let body = encodeBody(identity, { ...self, endpoints }, stamp);
  while (body.length > ADVERT_FIT_BYTES && endpoints.length > 1) {
    endpoints.pop();
    body = encodeBody(identity, { ...self, endpoints }, stamp);
  }
  const signature = identity.sign(signedBytes(body));
  const verified = verifyAdvert(readAdvert(encodeMsgpack([body, signature])));
  assert(verified !== null, 'an advert that this node signed is good');
  return verified;
}

function encodeBody(identity: NodeIdentity, self: SelfDescription, stamp: AdvertStamp): Uint8Array {
  return encodeMsgpack([
    PROTOCOL_VERSION,
    identity.publicKey,
    identity.noiseKeys.publicKey,
    self.name.slice(0, MAX_NAME_LENGTH) || identity.id,
    self.version.slice(0, MAX_VERSION_LENGTH),
    self.endpoints.map(formatSocketAddress),
    self.podCidrs.slice(0, MAX_CIDRS_PER_NODE),
    stamp.createdAtMs,
    stamp.revision,
    stamp.incarnation,
    stamp.lowestStamp,
    self.podMtuBytes,
    stamp.secretIds ?? [],
  ]);
}

/**
 * Decodes and checks everything but the signature, whose check costs a hundred times more: the caller decides first whether
 * it needs the advert. Throws {@link DecodeError}.
 */
export function readAdvert(bytes: Uint8Array): UnverifiedAdvert {
  const [body, signature] = decodeAs(Envelope, bytes, MAX_ADVERT_BYTES, 'an advert');
  const fields = decodeAs(Body, body, MAX_ADVERT_BYTES, "an advert's body");
  return { advert: advertOf(fields, new Uint8Array(bytes)), body, signature };
}

/** The advert if its signature is good, or null. */
export function verifyAdvert(unverified: UnverifiedAdvert): Advert | null {
  const { advert, body, signature } = unverified;
  return verifyEd25519(advert.identityKey, signedBytes(body), signature) ? advert : null;
}

function advertOf(fields: Static<typeof BodySchema>, bytes: Uint8Array): Advert {
  const [
    protocol,
    identityKey,
    noiseKey,
    name,
    version,
    endpoints,
    podCidrs,
    createdAtMs,
    revision,
    incarnation,
    lowestStamp,
    podMtuBytes = null,
    secretIds = null,
  ] = fields;
  if (protocol !== PROTOCOL_VERSION)
    throw new DecodeError(`an advert has protocol version ${protocol}, expected ${PROTOCOL_VERSION}`);
  return {
    protocol,
    id: nodeIdOf(identityKey),
    identityKey,
    noiseKey,
    name,
    version,
    endpoints: endpoints.map(canonicalEndpoint),
    podCidrs: podCidrs.map(canonicalCidr),
    podMtuBytes,
    createdAtMs,
    revision,
    incarnation,
    lowestStamp,
    secretIds,
    bytes,
  };
}

function canonicalEndpoint(text: string): SocketAddress {
  const address = parseOrRefuse(() => parseSocketAddress(text));
  if (formatSocketAddress(address) !== text)
    throw new DecodeError(`an advert has the endpoint ${text}, expected ${formatSocketAddress(address)}`);
  return address;
}

function canonicalCidr(text: string): Cidr {
  const cidr = parseOrRefuse(() => parseCidr(text));
  if (cidr !== text) throw new DecodeError(`an advert has the CIDR ${text}, expected ${cidr}`);
  return cidr;
}

function parseOrRefuse<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    throw new DecodeError('an advert has an address that does not parse', { cause: thrown });
  }
}

function signedBytes(body: Uint8Array): Uint8Array {
  return Buffer.concat([SIGNATURE_DOMAIN, body]);
}
