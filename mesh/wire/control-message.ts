/**
 * Control messages: msgpack arrays `[type, version, ...fields]`, at most MAX_UNIT_BYTES, one per control unit. The
 * list of types is append-only; an unknown type or a later version of a known one is not an error, it is ignored.
 *
 * ```
 *   1 adverts     [1, 1, [advert bytes, ...]]
 *   2 digest      [2, 1, from id, to id or nil, [[id, revision], ...]]   ids from <= id < to, sorted
 *   3 pull        [3, 1, [id, ...]]
 *   4 goodbye     [4, 1]
 *   5 linksQuery  [5, 1]
 *   6 links       [6, 1, links, pods, count of pods]   links-message.ts
 *   7 revocations [7, 1, [revocation bytes, ...]]       revocation.ts
 *   8 nodeChanges [8, 1, [[name, change of 8 bytes], ...]]
 *   9 linkClosed  [9, 1]                                the sender has dropped its sessions with the receiver
 *  10 deaths      [10, 1, [[id, revision, observer id, signature], ...]]   death-report.ts
 *  11 hashes      [11, 1, hashes of all buckets]       cluster/bucket-hashes.ts
 *  12 buckets     [12, 1, [bucket, ...], [[id, revision], ...]]   all in these buckets
 *  13 to 18                                            relay-messages.ts
 * ```
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { DecodeError } from '../../common/errors.js';
import { decodeMsgpack, encodeMsgpack } from '../../common/codec/msgpack.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeChange } from '../mesh-io.js';
import {
  BUCKET_HASH_BYTES,
  BUCKETS,
  MAX_ADVERT_BYTES,
  MAX_ADVERTS_PER_MESSAGE,
  MAX_DEATHS_PER_MESSAGE,
  MAX_DIGEST_ENTRIES,
  MAX_NAME_LENGTH,
  MAX_NODE_CHANGES_PER_MESSAGE,
  MAX_REVOCATION_BYTES,
  MAX_REVOCATIONS_PER_MESSAGE,
} from '../limits.js';
import { MAX_UNIT_BYTES } from '../../common/protocol.js';
import { SIGNATURE_BYTES } from './curve-keys.js';
import type { DeathReport } from './death-report.js';
import { linksFields, readLinks } from './links-message.js';
import type { LinksMessage } from './links-message.js';
import { describeRelayMessage, isRelayMessage, readRelayMessage, RELAY_TYPES, relayFields } from './relay-messages.js';
import type { RelayMessage } from './relay-messages.js';
import { Bytes, bytesOfId, Count, Fields, Id, idOf, ListOf, Text } from './wire-schema.js';

export const CONTROL_TYPES = {
  adverts: 1,
  digest: 2,
  pull: 3,
  goodbye: 4,
  linksQuery: 5,
  links: 6,
  revocations: 7,
  nodeChanges: 8,
  linkClosed: 9,
  deaths: 10,
  hashes: 11,
  buckets: 12,
  ...RELAY_TYPES,
} as const;
const MESSAGE_VERSION = 1;
const NODE_CHANGE_BYTES = 8;

export interface DigestEntry {
  readonly id: NodeId;
  readonly revision: number;
}

export type ControlMessage =
  | { readonly type: 'adverts'; readonly adverts: readonly Uint8Array[] }
  /** All that the sender knows in the range `fromId <= id < toId`; `toId` null means to the end. */
  | {
      readonly type: 'digest';
      readonly fromId: NodeId;
      readonly toId: NodeId | null;
      readonly entries: readonly DigestEntry[];
    }
  | { readonly type: 'hashes'; readonly bytes: Uint8Array }
  /** All that the sender knows in these buckets. */
  | { readonly type: 'buckets'; readonly buckets: readonly number[]; readonly entries: readonly DigestEntry[] }
  | { readonly type: 'pull'; readonly ids: readonly NodeId[] }
  | { readonly type: 'goodbye' }
  | { readonly type: 'linksQuery' }
  | { readonly type: 'linkClosed' }
  | { readonly type: 'revocations'; readonly revocations: readonly Uint8Array[] }
  | { readonly type: 'nodeChanges'; readonly changes: readonly NodeChange[] }
  | { readonly type: 'deaths'; readonly reports: readonly DeathReport[] }
  | LinksMessage
  | RelayMessage;

const Head = Compile(Fields(Count(), Count()));
const Adverts = Compile(Fields(Count(), Count(), ListOf(Bytes(1, MAX_ADVERT_BYTES), MAX_ADVERTS_PER_MESSAGE)));
const Entries = ListOf(Fields(Id, Count()), MAX_DIGEST_ENTRIES);
const Digest = Compile(Fields(Count(), Count(), Id, Type.Union([Id, Type.Null()]), Entries));
const Hashes = Compile(Fields(Count(), Count(), Bytes(BUCKETS * BUCKET_HASH_BYTES)));
const Buckets = Compile(Fields(Count(), Count(), ListOf(Count(BUCKETS - 1), BUCKETS), Entries));
const Revocations = Compile(
  Fields(Count(), Count(), ListOf(Bytes(1, MAX_REVOCATION_BYTES), MAX_REVOCATIONS_PER_MESSAGE)),
);
const NodeChanges = Compile(
  Fields(
    Count(),
    Count(),
    ListOf(Fields(Text(MAX_NAME_LENGTH, 1), Bytes(NODE_CHANGE_BYTES)), MAX_NODE_CHANGES_PER_MESSAGE),
  ),
);
const Deaths = Compile(
  Fields(Count(), Count(), ListOf(Fields(Id, Count(), Id, Bytes(SIGNATURE_BYTES)), MAX_DEATHS_PER_MESSAGE)),
);
const Pull = Compile(Fields(Count(), Count(), ListOf(Id, MAX_DIGEST_ENTRIES)));

export function encodeControl(message: ControlMessage): Uint8Array {
  return encodeMsgpack([CONTROL_TYPES[message.type], MESSAGE_VERSION, ...fieldsOf(message)]);
}

/** Null for a type or version that this node does not know. Throws {@link DecodeError}. */
export function decodeControl(bytes: Uint8Array): ControlMessage | null {
  const value = decodeMsgpack(bytes, MAX_UNIT_BYTES);
  const [type, version] = headOf(value);
  if (version !== MESSAGE_VERSION) return null;
  switch (type) {
    case CONTROL_TYPES.adverts:
      if (!Adverts.Check(value)) break;
      return { type: 'adverts', adverts: value[2] };
    case CONTROL_TYPES.digest:
      if (!Digest.Check(value)) break;
      return digestOf(value[2], value[3], value[4]);
    case CONTROL_TYPES.pull:
      if (!Pull.Check(value)) break;
      return { type: 'pull', ids: value[2].map(idOf) };
    case CONTROL_TYPES.hashes:
      if (!Hashes.Check(value)) break;
      return { type: 'hashes', bytes: value[2] };
    case CONTROL_TYPES.buckets:
      if (!Buckets.Check(value)) break;
      return { type: 'buckets', buckets: value[2], entries: value[3].map(entryOf) };
    case CONTROL_TYPES.goodbye:
      return { type: 'goodbye' };
    case CONTROL_TYPES.linksQuery:
      return { type: 'linksQuery' };
    case CONTROL_TYPES.linkClosed:
      return { type: 'linkClosed' };
    case CONTROL_TYPES.links: {
      const links = readLinks(value);
      if (links === null) break;
      return links;
    }
    case CONTROL_TYPES.revocations:
      if (!Revocations.Check(value)) break;
      return { type: 'revocations', revocations: value[2] };
    case CONTROL_TYPES.nodeChanges:
      if (!NodeChanges.Check(value)) break;
      return { type: 'nodeChanges', changes: value[2].map(nodeChangeOf) };
    case CONTROL_TYPES.deaths:
      if (!Deaths.Check(value)) break;
      return { type: 'deaths', reports: value[2].map(deathReportOf) };
    default: {
      const relayType = relayTypeOf(type);
      if (relayType === null) return null;
      const message = readRelayMessage(relayType, value);
      if (message === null) break;
      return message;
    }
  }
  throw new DecodeError(`a control message of type ${type} does not have the expected fields`);
}

/** The message in words, for logs of tests. */
export function describeControl(bytes: Uint8Array): string {
  const message = decodedOrNull(bytes);
  if (message !== null && isRelayMessage(message)) return describeRelayMessage(message);
  switch (message?.type) {
    case undefined:
      return `control message of ${bytes.length} bytes that is not understood`;
    case 'adverts':
      return `adverts (${message.adverts.length})`;
    case 'digest':
      return `digest (${message.entries.length} from ${message.fromId} to ${message.toId ?? 'the end'})`;
    case 'pull':
      return `pull (${message.ids.length})`;
    case 'hashes':
      return 'hashes of all buckets';
    case 'buckets':
      return `buckets (${message.entries.length} in ${message.buckets.length})`;
    case 'links':
      return `links (${message.links.length}, pods ${message.pods?.count ?? 'unknown'})`;
    case 'revocations':
      return `revocations (${message.revocations.length})`;
    case 'nodeChanges':
      return `changes of nodes (${message.changes.map(({ name }) => name).join()})`;
    case 'deaths':
      return `reports of deaths (${message.reports.length})`;
    case 'goodbye':
    case 'linksQuery':
    case 'linkClosed':
      return message.type;
  }
}

function decodedOrNull(bytes: Uint8Array): ControlMessage | null {
  try {
    return decodeControl(bytes);
  } catch (thrown) {
    if (thrown instanceof DecodeError) return null;
    throw thrown;
  }
}

function headOf(value: unknown): readonly [number, number] {
  if (Head.Check(value)) return value;
  throw new DecodeError('a control message does not begin with its type and version');
}

function fieldsOf(message: ControlMessage): unknown[] {
  if (isRelayMessage(message)) return relayFields(message);
  switch (message.type) {
    case 'adverts':
      return [message.adverts];
    case 'digest': {
      const toId = message.toId === null ? null : bytesOfId(message.toId);
      return [bytesOfId(message.fromId), toId, message.entries.map(entryFields)];
    }
    case 'hashes':
      return [message.bytes];
    case 'buckets':
      return [message.buckets, message.entries.map(entryFields)];
    case 'pull':
      return [message.ids.map(bytesOfId)];
    case 'goodbye':
    case 'linksQuery':
    case 'linkClosed':
      return [];
    case 'links':
      return linksFields(message);
    case 'revocations':
      return [message.revocations];
    case 'nodeChanges':
      return [message.changes.map(({ name, change }) => [name, Buffer.from(change, 'hex')])];
    case 'deaths':
      return [message.reports.map(deathReportFields)];
  }
}

function relayTypeOf(type: number): keyof typeof RELAY_TYPES | null {
  const types = Object.keys(RELAY_TYPES) as (keyof typeof RELAY_TYPES)[];
  return types.find((name) => RELAY_TYPES[name] === type) ?? null;
}

function nodeChangeOf([name, change]: readonly [string, Uint8Array]): NodeChange {
  return { name, change: Buffer.from(change).toString('hex') };
}

function deathReportFields({ node, revision, observer, signature }: DeathReport): unknown[] {
  return [bytesOfId(node), revision, bytesOfId(observer), signature];
}

function deathReportOf([node, revision, observer, signature]: readonly [
  Uint8Array,
  number,
  Uint8Array,
  Uint8Array,
]): DeathReport {
  return { node: idOf(node), revision, observer: idOf(observer), signature };
}

function digestOf(
  from: Uint8Array,
  to: Uint8Array | null,
  entries: readonly (readonly [Uint8Array, number])[],
): ControlMessage {
  return {
    type: 'digest',
    fromId: idOf(from),
    toId: to === null ? null : idOf(to),
    entries: entries.map(entryOf),
  };
}

function entryFields({ id, revision }: DigestEntry): unknown[] {
  return [bytesOfId(id), revision];
}

function entryOf([id, revision]: readonly [Uint8Array, number]): DigestEntry {
  return { id: idOf(id), revision };
}
