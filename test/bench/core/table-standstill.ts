/**
 * Standstill of a forwarding thread for forwarding tables: the time from a command in its port until the thread forwards again,
 * with the tables as one command, and in the slices that the router makes of them.
 */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { parseCidr } from '../../../common/address/cidr.js';
import { parseNodeId } from '../../../common/node-id.js';
import type { ForwardingTables } from '../../../common/router-port.js';
import { Arena } from '../../../router/kernel/arena.js';
import { AF_INET6 } from '../../../router/kernel/linux-abi.js';
import { tableSlices } from '../../../router/process/table-slices.js';
import type { TablesSlice } from '../../../router/forwarder-messages.js';
import { compileTables, TablesBuilder } from '../../../router/tables/forwarding-tables.js';
import { Peers } from '../../../router/tables/peers.js';

const ROUNDS = 20;

export interface Standstill {
  readonly wholeMs: number;
  readonly sliceMs: number;
  /** 99 % of the slices take no longer. */
  readonly slice99Ms: number;
}

/** Medians of all rounds but the first, which compiles the code. */
export function measureStandstill(routes: number): Standstill {
  const tables = tablesOf(routes);
  const peers = new Peers(new Arena(8 << 20), AF_INET6);
  const wholes: number[] = [];
  const slices: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const whole = taken<ForwardingTables>([tables], (received) => void compileTables(received, peers));
    let builder: TablesBuilder | null = null;
    const parts = taken<TablesSlice>(tableSlices(tables), ({ begin, routes: part }) => {
      if (begin !== null) builder = new TablesBuilder(begin.head, begin.routeCount, peers);
      builder?.add(part);
    });
    if (round === 0) continue;
    wholes.push(...whole);
    slices.push(...parts);
  }
  return { wholeMs: quantile(wholes, 0.5), sliceMs: quantile(slices, 0.5), slice99Ms: quantile(slices, 0.99) };
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

function tablesOf(count: number): ForwardingTables {
  const routes = Array.from({ length: count }, (_, n) => ({
    cidr: parseCidr(`10.${32 + (n >> 8)}.${n & 255}.0/24`),
    peer: parseNodeId((n + 1).toString(16).padStart(32, '0')),
  }));
  return { generation: 1, localCidrs: [parseCidr('10.1.0.0/24')], localAddresses: [], routes };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}
