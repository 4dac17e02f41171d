/**
 * Lengths of control messages as msgpack, without encoding them (https://github.com/msgpack/msgpack, spec.md): of those kinds that
 * take most of the time and the memory when thousands of nodes start or rest.
 */
import { NODE_ID_BYTES } from '../../../common/node-id.js';
import type { ControlMessage, DigestEntry } from '../../../mesh/wire/control-message.js';
import type { LinkReport } from '../../../mesh/wire/links-message.js';

/** The message's array, type, version. */
const HEAD_BYTES = 3;
/** Nil, a boolean, or an integer below 128. */
const SMALL_BYTES = 1;
const NODE_ID_LENGTH = bytesLength(NODE_ID_BYTES);

/** In bytes, or null for a message that has to be encoded. */
export function lengthOf(message: ControlMessage): number | null {
  switch (message.type) {
    case 'adverts':
      return HEAD_BYTES + listLength(message.adverts, (advert) => bytesLength(advert.length));
    case 'hashes':
      return HEAD_BYTES + bytesLength(message.bytes.length);
    case 'buckets':
      return HEAD_BYTES + listLength(message.buckets, numberLength) + listLength(message.entries, entryLength);
    case 'pull':
      return HEAD_BYTES + listLength(message.ids, () => NODE_ID_LENGTH);
    case 'links':
      return message.pods?.list.length === 0
        ? HEAD_BYTES + listLength(message.links, linkLength) + SMALL_BYTES + numberLength(message.pods.count)
        : null;
    case 'digest':
    case 'goodbye':
    case 'linksQuery':
    case 'linkClosed':
    case 'revocations':
    case 'nodeChanges':
    case 'deaths':
    case 'relayQuery':
    case 'relayOffer':
    case 'relayOpen':
    case 'relayOpened':
    case 'relayClosed':
    case 'relayUsed':
      return null;
  }
}

function entryLength({ revision }: DigestEntry): number {
  return SMALL_BYTES + NODE_ID_LENGTH + numberLength(revision);
}

/** Its list, state and whether it is relayed take a byte each. */
function linkLength({ rttMs, mtuBytes, txBytes, rxBytes, cipher }: LinkReport): number {
  const rttLength = rttMs === null ? SMALL_BYTES : numberLength(rttMs);
  // Names of ciphers are short, and ASCII.
  const cipherLength = SMALL_BYTES + (cipher?.length ?? 0);
  const counts = numberLength(mtuBytes) + numberLength(txBytes) + numberLength(rxBytes);
  return 3 * SMALL_BYTES + NODE_ID_LENGTH + rttLength + counts + cipherLength;
}

function listLength<Item>(items: readonly Item[], length: (item: Item) => number): number {
  let sum = items.length < 16 ? 1 : 3;
  for (const item of items) sum += length(item);
  return sum;
}

function bytesLength(length: number): number {
  return length + (length < 256 ? 2 : 3);
}

/** Of a number of at least zero. */
function numberLength(value: number): number {
  if (!Number.isInteger(value)) return 9;
  if (value < 128) return SMALL_BYTES;
  if (value < 256) return 2;
  if (value < 65536) return 3;
  return value < 2 ** 32 ? 5 : 9;
}
