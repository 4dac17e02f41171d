/**
 * Links message, control message 6: the links and pods of a node, for a peer that shows the topology.
 *
 * ```
 *   links   [[peer id, state code, rtt ms or nil, mtu, tx bytes, rx bytes, cipher or nil,
 *            whether relayed], ...]
 *   pods    [[name, [address bytes, ...]], ...]
 *   count   of all pods, also of those that the list leaves out
 * ```
 *
 * Whether a link is relayed, ciphers, and pods with their count, are missing in messages of older nodes.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { LINK_STATES } from '../../common/api.js';
import type { LinkState } from '../../common/api.js';
import { ipFromBytes, ipToBytes } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_CIPHER_NAME_LENGTH,
  MAX_LINKS_PER_MESSAGE,
  MAX_POD_ADDRESSES,
  MAX_POD_LIST_BYTES,
  MAX_POD_NAME_LENGTH,
  MAX_PODS_PER_MESSAGE,
} from '../limits.js';
import type { PodView } from '../mesh-io.js';
import { Bytes, bytesOfId, Count, Fields, Id, idOf, ListOf, Quantity, Text } from './wire-schema.js';

/** An address with its length and, shared by all of a pod, the heads of its lists. */
const ADDRESS_BYTES = 18;
const POD_FRAMING_BYTES = 12;

export interface LinkReport {
  readonly peer: NodeId;
  readonly state: LinkState;
  readonly rttMs: number | null;
  readonly mtuBytes: number;
  readonly txBytes: number;
  readonly rxBytes: number;
  /** Null without a session, and in reports of older nodes. */
  readonly cipher: string | null;
  /** Whether a third node relays what this one sends; false in reports of older nodes. */
  readonly isRelayed: boolean;
}

export interface PodsReport {
  readonly list: readonly PodView[];
  /** At least the length of the list. */
  readonly count: number;
}

export interface LinksMessage {
  readonly type: 'links';
  readonly links: readonly LinkReport[];
  readonly pods: PodsReport | null;
}

const StateCode = Count(LINK_STATES.length - 1);
const RoundTrip = Type.Union([Quantity(), Type.Null()]);
const Cipher = Type.Union([Text(MAX_CIPHER_NAME_LENGTH, 1), Type.Null()]);
const LinkHead = [Id, StateCode, RoundTrip, Count(), Quantity(), Quantity()] as const;
const Link = Type.Union([
  Type.Tuple([...LinkHead]),
  Type.Tuple([...LinkHead, Cipher]),
  Fields(...LinkHead, Cipher, Type.Boolean()),
]);
const Pod = Fields(Text(MAX_POD_NAME_LENGTH), ListOf(Type.Union([Bytes(4), Bytes(16)]), MAX_POD_ADDRESSES));
const LinkList = ListOf(Link, MAX_LINKS_PER_MESSAGE);
const LinksOnly = Compile(Type.Tuple([Count(), Count(), LinkList]));
const LinksAndPods = Compile(Fields(Count(), Count(), LinkList, ListOf(Pod, MAX_PODS_PER_MESSAGE), Count()));

/** The fields behind type and version. */
export function linksFields({ links, pods }: LinksMessage): unknown[] {
  const linkFields = links.map(fieldsOfLink);
  return pods === null ? [linkFields] : [linkFields, pods.list.map(fieldsOfPod), pods.count];
}

/** Reads the whole array of a message; null when a field has another type or is out of range. */
export function readLinks(message: unknown): LinksMessage | null {
  if (LinksAndPods.Check(message)) {
    const [, , links, list, count] = message;
    const pods = { list: list.map(podOf), count: Math.max(count, list.length) };
    return { type: 'links', links: links.map(linkOf), pods };
  }
  return LinksOnly.Check(message) ? { type: 'links', links: message[2].map(linkOf), pods: null } : null;
}

/** The first pods, as many as fit a message, with long names and long lists of addresses cut. */
export function podsReport(pods: readonly PodView[]): PodsReport {
  const list: PodView[] = [];
  let bytes = 0;
  for (const { name, ips } of pods.slice(0, MAX_PODS_PER_MESSAGE)) {
    const pod = { name: name.slice(0, MAX_POD_NAME_LENGTH), ips: ips.slice(0, MAX_POD_ADDRESSES) };
    bytes += POD_FRAMING_BYTES + Buffer.byteLength(pod.name) + pod.ips.length * ADDRESS_BYTES;
    if (bytes > MAX_POD_LIST_BYTES) break;
    list.push(pod);
  }
  return { list, count: pods.length };
}

function fieldsOfLink(link: LinkReport): unknown[] {
  const state = LINK_STATES.indexOf(link.state);
  const { peer, rttMs, mtuBytes, txBytes, rxBytes, cipher, isRelayed } = link;
  return [bytesOfId(peer), state, rttMs, mtuBytes, txBytes, rxBytes, cipher, isRelayed];
}

function linkOf(fields: Static<typeof Link>): LinkReport {
  const [peer, state, rttMs, mtuBytes, txBytes, rxBytes, cipher = null, isRelayed = false] = fields;
  return { peer: idOf(peer), state: LINK_STATES[state]!, rttMs, mtuBytes, txBytes, rxBytes, cipher, isRelayed };
}

function fieldsOfPod({ name, ips }: PodView): unknown[] {
  return [name, ips.map(ipToBytes)];
}

function podOf([name, ips]: Static<typeof Pod>): PodView {
  return { name, ips: ips.map(ipFromBytes) };
}
