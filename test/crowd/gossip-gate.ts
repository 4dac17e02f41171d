/**
 * Gate that keeps gossip from the members of a crowd that link with one node only. A member that knew the others would dial
 * them all; one that took part in gossip without knowing them would ask for their adverts again and again, which no real peer
 * does. So hashes, digests, pulls, deaths and the adverts of others do not pass.
 */
import { CONTROL_TYPES } from '../../mesh/wire/control-message.js';

/** Control messages are msgpack arrays of a few fields: the first byte is the array's, the second the type. */
const TYPE_AT = 1;
const { adverts, digest, pull, hashes, buckets, deaths } = CONTROL_TYPES;
const GOSSIP: ReadonlySet<number | undefined> = new Set([adverts, digest, pull, hashes, buckets, deaths]);

/** Whether a control message spreads what one node knows of others. */
export function isGossip(message: Uint8Array): boolean {
  return GOSSIP.has(message[TYPE_AT]);
}
