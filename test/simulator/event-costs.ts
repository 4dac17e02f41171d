/**
 * What events and commands cost a node: microseconds of a whole core, measured by `npm run sim -- --calibrate --real-crypto` on
 * two cores of an AMD EPYC with Node 20.20, beside other work. The costs of the router per packet are those of 64-byte datagrams
 * (docs/measurements.md, 83 to 128 thousand a second).
 */
import { TYPE_CONFIRMATION, TYPE_COOKIE, TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import type { MeshEffect, MeshEvent } from '../../mesh/mesh-io.js';
import type { NodeCosts } from '../../mesh/testing/node-costs.js';

/** A message between agent and router: system calls, and to encode, decode and check it. */
const MESSAGE_US = 15;
const ROUTER_PACKET_US = 10;
const ROUTER_COMMAND_US = 5;
/** Per route of the whole tables, of the agent and of the router. */
const SEND_ROUTE_US = 2;
const TAKE_ROUTE_US = 3.4;
/** Handshake datagrams of members whose adverts are known, by type. */
const DATAGRAM_US: Readonly<Record<number, number>> = {
  [TYPE_INITIATION]: 460,
  [TYPE_RESPONSE]: 420,
  [TYPE_CONFIRMATION]: 480,
};
/** What these cost more, besides LEARNED_US, when the sender or its advert was not known. */
const STRANGER_US: Readonly<Record<number, number>> = {
  [TYPE_RESPONSE]: 470,
  [TYPE_CONFIRMATION]: 60,
};
/** One that gets no answer: its MAC, and rates. */
const REFUSED_INITIATION_US = 20;
/** One that gets a cookie, reckoned and not measured: its MAC and hello, the secret shared with a new member, and the cookie. */
const COOKIE_US = 150;
const OTHER_DATAGRAM_US = 62;
const EVENT_US: Readonly<Partial<Record<MeshEvent['type'], number>>> = {
  control: 28,
  sessionConfirmed: 36,
  tick: 4,
};
const OTHER_EVENT_US = 2;
/** Per byte of a control message. Of copies of known adverts it is more than they take: 15 us for 100 of 247 bytes. */
const CONTROL_BYTE_US = 0.021;
/** To verify and to learn an advert, of 100 in one message. */
const LEARNED_US = 125;
/** Per peer in a report of the router. */
const COUNTERS_US = 3.2;

export const MEASURED_COSTS: NodeCosts = {
  event: (event, effects, learned) =>
    MESSAGE_US * (1 + effects.length) +
    baseOf(event, effects) +
    sizeOf(event) +
    (learned === 0 ? 0 : strangerOf(event) + learned * LEARNED_US),
  sendTables: (routes) => MESSAGE_US + routes * SEND_ROUTE_US,
  takeTables: (routes) => MESSAGE_US + routes * TAKE_ROUTE_US,
  command: (effect: MeshEffect) => ROUTER_COMMAND_US + (isSent(effect) ? ROUTER_PACKET_US : 0),
  packet: () => ROUTER_PACKET_US,
};

function baseOf(event: MeshEvent, effects: readonly MeshEffect[]): number {
  if (event.type !== 'datagram') return EVENT_US[event.type] ?? OTHER_EVENT_US;
  if (event.bytes[0] === TYPE_INITIATION && !effects.some(isSent)) return REFUSED_INITIATION_US;
  // Only a datagram is answered by a cookie.
  if (effects.some((effect) => effect.type === 'sendDatagram' && effect.bytes[0] === TYPE_COOKIE)) return COOKIE_US;
  return DATAGRAM_US[event.bytes[0] ?? 0] ?? OTHER_DATAGRAM_US;
}

function strangerOf(event: MeshEvent): number {
  return event.type === 'datagram' ? (STRANGER_US[event.bytes[0] ?? 0] ?? 0) : 0;
}

/** What depends on how much the event says. */
function sizeOf(event: MeshEvent): number {
  if (event.type === 'control') return event.bytes.length * CONTROL_BYTE_US;
  return event.type === 'counters' ? event.peers.length * COUNTERS_US : 0;
}

function isSent({ type }: MeshEffect): boolean {
  return type === 'sendDatagram' || type === 'sendControl' || type === 'probe';
}
