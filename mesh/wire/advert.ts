/**
 * An advert: what a node says of itself, signed. On the wire `[body, signature]`, where the body is the msgpack of the
 * fields below and the signature is Ed25519 over a domain string and the body's bytes as they are, so nothing depends
 * on encoding it the same way twice.
 * Not here: which advert is current (`membership.ts`), whether its claims are valid (`ownership-table.ts`).
 */
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

const SIGNATURE_DOMAIN = Buffer.from('heddle/1 advert\0');
/** Longest text of a socket address or CIDR with IPv6 written out. */
const MAX_ADDRESS_TEXT = 64;

const Envelope = Compile(Fields(Bytes(1, MAX_ADVERT_BYTES), Bytes(SIGNATURE_BYTES)));
const BodySchema = Fields(
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
);
const Body = Compile(BodySchema);

export interface Advert extends SelfDescription {
  readonly protocol: number;
  readonly id: NodeId;
  /** Raw Ed25519 public key. */
  readonly identityKey: Uint8Array;
  /** Raw X25519 public key: the Noise static key. */
  readonly noiseKey: Uint8Array;
  /** When this identity first claimed anything, wall-clock ms: the earlier claim wins a conflict. */
  readonly createdAtMs: number;
  /** Rises with every new advert of the node: wall-clock ms of signing, or one more than the last. */
  readonly revision: number;
  /** Random per process: two of them at once are two processes with one key. */
  readonly incarnation: number;
  /** The whole advert as it travels. */
  readonly bytes: Uint8Array;
}

/** An advert whose fields are well formed and whose signature nobody has checked. */
export interface UnverifiedAdvert {
  readonly advert: Advert;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

export interface AdvertStamp {
  readonly createdAtMs: number;
  readonly revision: number;
  readonly incarnation: number;
}

/**
 * Signs. Names and lists that are too long are cut: the configuration's checks come before. The last endpoints are left
 * out where the advert would not fit a handshake datagram otherwise.
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
  ]);
}

/**
 * Reads and checks everything but the signature, which costs a hundred times more: callers first ask whether they want
 * it. Throws {@link DecodeError}.
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
  const [protocol, identityKey, noiseKey, name, version, endpoints, podCidrs, createdAtMs, revision, incarnation] =
    fields;
  if (protocol !== PROTOCOL_VERSION) throw new DecodeError(`an advert of protocol ${protocol} is not understood`);
  return {
    protocol,
    id: nodeIdOf(identityKey),
    identityKey,
    noiseKey,
    name,
    version,
    endpoints: endpoints.map(canonicalEndpoint),
    podCidrs: podCidrs.map(canonicalCidr),
    createdAtMs,
    revision,
    incarnation,
    bytes,
  };
}

function canonicalEndpoint(text: string): SocketAddress {
  const address = parseOrRefuse(() => parseSocketAddress(text));
  if (formatSocketAddress(address) !== text) throw new DecodeError('an advert has an endpoint that is not canonical');
  return address;
}

function canonicalCidr(text: string): Cidr {
  const cidr = parseOrRefuse(() => parseCidr(text));
  if (cidr !== text) throw new DecodeError('an advert has a CIDR that is not canonical');
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
