/**
 * Standstill of a forwarding thread for forwarding tables: the time from a command in its port until the thread forwards again,
 * with the tables as one command, in the slices that the router makes of them, and for changes of few routes. And the bytes that
 * the agent sends for tables and for a change.
 */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { encodeMessage } from '../../../common/codec/message-stream.js';
import { parseCidr } from '../../../common/address/cidr.js';
import { parseNodeId } from '../../../common/node-id.js';
import type { ForwardingTables, Route, RouterCommand, TablesChange } from '../../../common/router-port.js';
import { Arena } from '../../../router/kernel/arena.js';
import { AF_INET6 } from '../../../router/kernel/linux-abi.js';
import { changeSlices, tableSlices } from '../../../router/process/table-slices.js';
import type { TablesChangeSlice, TablesSlice } from '../../../router/forwarder-messages.js';
import { changedTables, compileTables, TablesBuilder } from '../../../router/tables/forwarding-tables.js';
import { Peers } from '../../../router/tables/peers.js';

const ROUNDS = 20;

export interface Standstill {
  readonly wholeMs: number;
  readonly sliceMs: number;
  /** 99 % of the slices take no longer. */
  readonly slice99Ms: number;
  /** A node joins with two CIDRs; it dies. */
  readonly changeMs: number;
  /** A slice of the change when it is a hundred nodes. */
  readonly hundredMs: number;
  readonly wholeBytes: number;
  readonly changeBytes: number;
  readonly hundredBytes: number;
}

const JOINS = 100;
const CIDRS = 2;

/** Medians of all rounds but the first, which compiles the code. */
export function measureStandstill(routes: number): Standstill {
  const tables = tablesOf(routes);
  const peers = new Peers(new Arena(8 << 20), AF_INET6);
  const wholes: number[] = [];
  const slices: number[] = [];
  const changes: number[] = [];
  const hundreds: number[] = [];
  const one = joinOf(routes, 1);
  const hundred = joinOf(routes, JOINS);
  for (let round = 0; round < ROUNDS; round++) {
    const whole = taken<ForwardingTables>([tables], (received) => void compileTables(received, peers));
    let builder: TablesBuilder | null = null;
    const parts = taken<TablesSlice>(tableSlices(tables), ({ begin, routes: part }) => {
      if (begin !== null) builder = new TablesBuilder(begin.head, begin.routeCount, peers);
      builder?.add(part);
    });
    const inUse = compileTables(tablesOf(routes, JOINS * CIDRS), peers);
    for (const { cidr } of hundred.routes) inUse.routes.delete(cidr);
    const apply = (change: TablesChange): number[] =>
      taken<TablesChangeSlice>(changeSlices(change), (part) => void changedTables(inUse, part, peers));
    const joinAndDeath = [one, ending(one)].flatMap(apply);
    const ofHundred = [hundred, ending(hundred)].flatMap(apply);
    if (round === 0) continue;
    wholes.push(...whole);
    slices.push(...parts);
    changes.push(...joinAndDeath);
    hundreds.push(...ofHundred);
  }
  return {
    wholeMs: quantile(wholes, 0.5),
    sliceMs: quantile(slices, 0.5),
    slice99Ms: quantile(slices, 0.99),
    changeMs: quantile(changes, 0.5),
    hundredMs: quantile(hundreds, 0.5),
    wholeBytes: bytesOf({ type: 'tables', tables }),
    changeBytes: bytesOf({ type: 'tablesChange', change: one }),
    hundredBytes: bytesOf({ type: 'tablesChange', change: hundred }),
  };
}

function bytesOf(command: RouterCommand): number {
  return encodeMessage(command).length;
}

function joinOf(routes: number, nodes: number): TablesChange {
  const added = Array.from({ length: nodes * CIDRS }, (_, i) => routeOf(routes + i));
  return { base: 1, generation: 2, localAddresses: null, removed: [], routes: added };
}

function ending({ routes }: TablesChange): TablesChange {
  return { base: 2, generation: 3, localAddresses: null, removed: routes.map(({ cidr }) => cidr), routes: [] };
}

/** Sends the messages through a port, and gives how long each took to be received and applied. */
function taken<Message>(messages: readonly Message[], apply: (message: Message) => void): number[] {
  const { port1, port2 } = new MessageChannel();
  for (const message of messages) port1.postMessage(message);
  const times = messages.map(() => {
    const startMs = performance.now();
    apply(receiveMessageOnPort(port2)!.message as Message);
    return performance.now() - startMs;
  });
  port1.close();
  return times;
}

/** @param room for routes that changes will add: they begin as routes and are removed */
function tablesOf(count: number, room = 0): ForwardingTables {
  const routes = Array.from({ length: count + room }, (_, n) => routeOf(n));
  return { generation: 1, localCidrs: [parseCidr('10.1.0.0/24')], localAddresses: [], routes };
}

function routeOf(n: number): Route {
  return {
    cidr: parseCidr(`10.${32 + (n >> 8)}.${n & 255}.0/24`),
    peer: parseNodeId((n + 1).toString(16).padStart(32, '0')),
  };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}
