/**
 * Forwarding thread in the test's own thread, its loop stepped by hand: a real arena, real engines, a real UDP socket on
 * loopback; a packet pair in place of the TAP; the clock is the test's.
 */
import { createHash } from 'node:crypto';
import type { Cidr } from '../../common/address/cidr.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { parseNodeId } from '../../common/node-id.js';
import type { CipherName, ForwardingTables, Route } from '../../common/router-port.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from '../kernel/arena.js';
import { sysClose } from '../kernel/ffi.js';
import { Forwarder } from '../forwarder.js';
import { tableSlices } from '../process/table-slices.js';
import { IndirectionTable } from '../inside/indirection-table.js';
import type { ForwarderCommand, ForwarderEvent } from '../forwarder-messages.js';
import type { WholeReport } from '../forwarder-report.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { negotiateUnderlay, openUnderlaySockets } from '../kernel/underlay-socket.js';
import { LOOPBACK, waitReadable } from './datagram-socket.js';
import { PacketPair } from './packet-pair.js';
import { boundPort } from './socket-port.js';

export interface TestNodeOptions {
  /** From 1 to 254; decides id and addresses. */
  readonly number: number;
  /** UDP GSO and GRO on the underlay, USO towards the pods; all on by default. */
  readonly gso?: boolean;
  readonly gro?: boolean;
  readonly uso?: boolean;
  readonly lane?: number;
  readonly lanes?: number;
  /** Of the underlay; 127.0.0.1 by default. */
  readonly address?: string;
}

const POD_HOSTS = [5, 6, 7];

export class TestNode {
  readonly id: NodeId;
  readonly number: number;
  readonly tap = new PacketPair();
  readonly udpFd: number;
  readonly address: SocketAddress;
  readonly forwarder: Forwarder;
  /** In the order they were emitted; tests empty it. */
  readonly events: ForwarderEvent[] = [];
  /** While false, events are refused, as when too many wait. */
  takesEvents = true;
  #onBeat: () => void = () => undefined;
  /** The forwarding thread's clock. Loss reports are due by it, so a clock that stands still means none. */
  nowMs = 0;
  readonly #commands: ForwarderCommand[] = [];
  readonly #waitArena = new Arena(4096);
  readonly #routes: Route[] = [];
  #generation = 0;

  constructor(options: TestNodeOptions) {
    const { number, gso = true, gro = true, uso = true, lane = 0, lanes = 1, address = LOOPBACK } = options;
    this.number = number;
    this.id = nodeIdOf(number);
    this.udpFd = openUnderlaySockets({ address, port: 0, count: 1 }).fds[0]!;
    if (gro) negotiateUnderlay(this.udpFd);
    this.address = parseSocketAddress(address, boundPort(this.udpFd));
    const { near: tapFd } = this.tap;
    const forwarderOptions = {
      tapFds: Array<number>(lanes).fill(tapFd),
      indirection: IndirectionTable.createMemory({ lanes, queuesPerLane: 1 }),
      udpFd: this.udpFd,
      wakeFd: -1,
      lane,
      lanes,
      family: AF_INET6,
      udpGso: gso,
      tapUso: uso,
    };
    this.forwarder = new Forwarder(forwarderOptions as ConstructorParameters<typeof Forwarder>[0], {
      commandsWaiting: () => this.#commands.length > 0,
      nextCommand: () => this.#commands.shift(),
      emit: (event) => {
        if (this.takesEvents) this.events.push(event);
        return this.takesEvents;
      },
      beat: () => this.#onBeat(),
      nowMs: () => this.nowMs,
    });
  }

  get cidrs(): readonly Cidr[] {
    return cidrsOf(this.number);
  }

  get pods(): readonly IpAddress[] {
    return POD_HOSTS.flatMap((host) => (['4', '6'] as const).map((family) => podAddress(this.number, family, host)));
  }

  /** Executes a command at once. */
  command(command: ForwarderCommand): void {
    this.#commands.push(command);
    this.turn();
  }

  turn(): boolean {
    return this.forwarder.turn();
  }

  /** True when a datagram waits at the socket, waiting for one up to `timeoutMs`. */
  waitForDatagram(timeoutMs: number): boolean {
    return waitReadable(this.#waitArena, this.udpFd, timeoutMs);
  }

  /** Of all peers, as it is when the thread takes its commands. */
  report(): WholeReport {
    let report = this.forwarder.report();
    this.#onBeat = () => (report = this.forwarder.report());
    this.command({ type: 'beat' });
    this.#onBeat = () => undefined;
    return report;
  }

  drops(): Readonly<Record<string, number>> {
    return this.report().drops;
  }

  /** How many drops of each reason `action` caused; reasons that did not occur are absent. */
  dropsDuring(action: () => void): Record<string, number> {
    const before = this.drops();
    action();
    const grown = Object.entries(this.drops()).map(([reason, n]) => [reason, n - (before[reason] ?? 0)] as const);
    return Object.fromEntries(grown.filter(([, n]) => n !== 0));
  }

  /** Adds routes to these peers' pods and installs the tables. */
  route(...peers: readonly { readonly number: number }[]): void {
    for (const { number } of peers) {
      this.#routes.push(...cidrsOf(number).map((cidr) => ({ cidr, peer: nodeIdOf(number) })));
    }
    this.useTables(this.#routes);
  }

  useTables(routes: readonly Route[], localAddresses: readonly IpAddress[] = this.pods): void {
    this.command({ type: 'tables', tables: this.#tablesOf(routes, localAddresses) });
  }

  /** The slices of the tables wait for the next turns. */
  enqueueTables(routes: readonly Route[]): void {
    this.#commands.push(...tableSlices(this.#tablesOf(routes, this.pods)));
  }

  #tablesOf(routes: readonly Route[], localAddresses: readonly IpAddress[]): ForwardingTables {
    return { generation: ++this.#generation, localCidrs: this.cidrs, localAddresses, routes };
  }

  close(): void {
    this.tap.close();
    sysClose(this.udpFd);
  }
}

export function nodeIdOf(number: number): NodeId {
  return parseNodeId(number.toString(16).padStart(2, '0').repeat(16));
}

/** The pod CIDRs of a node: 10.N.0.0/16 and fd00:0:N::/48. */
export function cidrsOf(number: number): readonly Cidr[] {
  return [parseCidr(`10.${number}.0.0/16`), parseCidr(`fd00:0:${number.toString(16)}::/48`)];
}

/** Pods are hosts 5, 6 and 7 of their node. */
export function podAddress(node: number, family: '4' | '6', host = POD_HOSTS[0]!): IpAddress {
  return parseIpAddress(family === '4' ? `10.${node}.0.${host}` : `fd00:0:${node.toString(16)}::${host}`);
}

export interface LinkOptions {
  readonly cipher?: CipherName;
  readonly mtuBytes?: number;
  /** Where each sends to instead of the other's own address: a relay's sockets. */
  readonly viaA?: SocketAddress;
  readonly viaB?: SocketAddress;
  /** Tells sessions of one pair apart, up to 60 at once. */
  readonly epoch?: number;
}

export interface LinkKeys {
  readonly cipher: CipherName;
  readonly keyAB: Uint8Array;
  readonly keyBA: Uint8Array;
  /** The session index that each chose; datagrams to it carry it. */
  readonly indexA: number;
  readonly indexB: number;
}

/** Gives both nodes sessions with each other, as after a handshake, and routes to each other's pods. */
export function link(a: TestNode, b: TestNode, options: LinkOptions = {}): LinkKeys {
  a.route(b);
  b.route(a);
  const { mtuBytes = 1500 } = options;
  a.command({ type: 'path', path: { peer: b.id, endpoint: options.viaA ?? b.address, mtuBytes } });
  b.command({ type: 'path', path: { peer: a.id, endpoint: options.viaB ?? a.address, mtuBytes } });
  const keys = installSessions(a, b, options);
  a.command({ type: 'activateSession', localIndex: keys.indexA });
  b.command({ type: 'activateSession', localIndex: keys.indexB });
  return keys;
}

export function baseKeyOf(from: number, to: number, epoch = 0): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(`${from} to ${to}, ${epoch}`).digest());
}

/** Installs a session on both sides and activates it on neither. */
export function installSessions(a: TestNode, b: TestNode, options: LinkOptions = {}): LinkKeys {
  const { cipher = 'aes-256-gcm', epoch = 0 } = options;
  const slot = 256 * (epoch % 60);
  const keys: LinkKeys = {
    cipher,
    keyAB: baseKeyOf(a.number, b.number, epoch),
    keyBA: baseKeyOf(b.number, a.number, epoch),
    indexA: (0x0a10 + epoch) * 0x10000 + slot + b.number,
    indexB: (0x0b20 + epoch) * 0x10000 + slot + a.number,
  };
  const { keyAB, keyBA, indexA, indexB } = keys;
  const toA = { peer: b.id, localIndex: indexA, remoteIndex: indexB, cipher, sendKey: keyAB, receiveKey: keyBA };
  const toB = { peer: a.id, localIndex: indexB, remoteIndex: indexA, cipher, sendKey: keyBA, receiveKey: keyAB };
  a.command({ type: 'installSession', session: toA });
  b.command({ type: 'installSession', session: toB });
  return keys;
}
