/**
 * Deterministic network of mesh cores: one virtual clock, one seed, a log of the messages. Each direction of each path has
 * its own properties (`sim-paths.ts`); nodes die, pause, move and come back (`sim-node.ts`). The same seed and the same calls
 * give the same run. The network and every node draw from random sources of their own, so a node more or less does not
 * change what the others draw.
 */
import { assert } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { BASE_MTU_BYTES } from '../limits.js';
import { EventQueue } from './event-queue.js';
import type { SimEvent } from './event-queue.js';
import type { Packet } from './packet.js';
import { SeededRandom } from './seeded-random.js';
import { SimLog } from './sim-log.js';
import type { LoggedMessage } from './sim-log.js';
import { SimNode } from './sim-node.js';
import type { SimNodeOptions, SimWorld } from './sim-node.js';
import { SimPaths, transit } from './sim-paths.js';
import type { Transit } from './sim-paths.js';

/** Time between two looks at a condition that shall hold. */
const CHECK_INTERVAL_MS = 50;
const MAX_EVENTS_AT_ONCE = 10_000;
const MAX_EVENTS_AT_ONCE_PER_HOST = 100;
/** Distance between the seeds of two nodes' random sources. */
const SEED_STEP = 0x9e3779b1;

export interface SimNetworkOptions {
  /** Whether `captured` is filled, which grows without bound. */
  readonly keepsDatagrams?: boolean;
  /** Messages that the log keeps; of hundreds of messages a second, few are of the nodes that a failure is about. */
  readonly keptMessages?: number;
  /** Told of every transmission. */
  readonly onMessage?: (message: LoggedMessage) => void;
}

export interface CapturedDatagram {
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  readonly bytes: Uint8Array;
}

/** An address that a node has, or had. A packet on its way to it is received by the node that has it then. */
interface Place {
  node: SimNode | null;
}

/** A packet reaches a place. */
class Arrival implements SimEvent {
  readonly atMs: number;
  readonly #place: Place;
  readonly #source: SocketAddress;
  readonly #packet: Packet;

  constructor(atMs: number, place: Place, source: SocketAddress, packet: Packet) {
    this.atMs = atMs;
    this.#place = place;
    this.#source = source;
    this.#packet = packet;
  }

  occur(): void {
    this.#place.node?.receive(this.#source, this.#packet);
  }
}

export class SimNetwork implements SimWorld {
  readonly random: SeededRandom;
  readonly paths = new SimPaths();
  readonly log: SimLog;
  readonly nodes: SimNode[] = [];
  /** Handshake datagrams that were ever sent, for tests that replay or mutate them. */
  readonly captured: CapturedDatagram[] = [];
  readonly #seed: number;
  readonly #keepsDatagrams: boolean;
  readonly #onMessage: ((message: LoggedMessage) => void) | undefined;
  readonly #queue = new EventQueue();
  /** By IP address and port. */
  readonly #places = new Map<IpAddress, Map<number, Place>>();
  #nowMs = 0;

  constructor(seed: number, { keepsDatagrams = true, keptMessages, onMessage }: SimNetworkOptions = {}) {
    this.log = new SimLog(keptMessages);
    this.#seed = seed;
    this.#keepsDatagrams = keepsDatagrams;
    this.#onMessage = onMessage;
    this.random = new SeededRandom(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  addNode(options: SimNodeOptions = {}): SimNode {
    const number = this.nodes.length + 1;
    const node = new SimNode(this, number, this.#seed + number * SEED_STEP, options);
    this.nodes.push(node);
    return node;
  }

  /** A cluster of new nodes that know the first one as their seed. */
  startCluster(size: number): SimNode[] {
    const nodes = Array.from({ length: size }, () => this.addNode());
    nodes.forEach((node, index) => node.start(index === 0 ? [] : [nodes[0]!]));
    return nodes;
  }

  /** From now on the node receives what is sent to `address`, and no longer what is sent to `left`. */
  place(node: SimNode, address: SocketAddress, left: SocketAddress | null): void {
    const before = left === null ? undefined : this.#placeAt(left);
    if (before?.node === node) before.node = null;
    const place = this.#placeAt(address);
    if (place !== undefined) place.node = node;
    else this.#addPlace(address, { node });
  }

  at(atMs: number, occur: () => void): void {
    this.#queue.push({ atMs, occur });
  }

  happen(event: SimEvent): void {
    this.#queue.push(event);
  }

  /** Lets the virtual clock run for a time. */
  run(forMs: number): void {
    this.#runUntil(this.#nowMs + forMs, () => false);
  }

  /** Moves the clock without running what is due meanwhile; it is late then. */
  skip(forMs: number): void {
    this.#nowMs += forMs;
  }

  /** Runs until the condition holds and gives the time that took, or Infinity when it never did. */
  runUntil(condition: () => boolean, limitMs: number): number {
    const startMs = this.#nowMs;
    if (condition()) return 0;
    return this.#runUntil(startMs + limitMs, condition) ? this.#nowMs - startMs : Infinity;
  }

  /** Runs while the condition holds, looking every 50 ms, and gives the time it held: `limitMs` when to the end. */
  runWhile(condition: () => boolean, limitMs: number): number {
    const startMs = this.#nowMs;
    let checkedMs = -Infinity;
    this.#runUntil(startMs + limitMs, () => {
      if (this.#nowMs - checkedMs < CHECK_INTERVAL_MS) return false;
      checkedMs = this.#nowMs;
      return !condition();
    });
    return this.#nowMs - startMs;
  }

  send(from: SimNode, to: SocketAddress, packet: Packet, sizeBytes: number): void {
    const source = from.sourceAddress;
    if (this.#keepsDatagrams && packet.kind === 'datagram')
      this.captured.push({ from: source, to, bytes: packet.bytes });
    const place = this.#placeAt(to);
    const target = place?.node ?? undefined;
    // A control unit is cut into fragments.
    const datagramBytes = isControl(packet) ? Math.min(sizeBytes, BASE_MTU_BYTES) : sizeBytes;
    const outcome = target === undefined ? { fate: 'noHost' as const } : this.#transit(from, target, datagramBytes);
    const message = { atMs: this.#nowMs, from, to: target ?? to, packet, sizeBytes, transit: outcome };
    this.log.add(message);
    this.#onMessage?.(message);
    if (outcome.fate !== 'delivered') return;
    for (const delayMs of outcome.delaysMs)
      this.#queue.push(new Arrival(this.#nowMs + delayMs, place!, source, packet));
  }

  #transit(from: SimNode, to: SimNode, sizeBytes: number): Transit {
    return transit(this.paths.properties(from, to), sizeBytes, this.random);
  }

  #placeAt(address: SocketAddress): Place | undefined {
    return this.#places.get(address.ip)?.get(address.port);
  }

  #addPlace({ ip, port }: SocketAddress, place: Place): void {
    const ports = this.#places.get(ip) ?? new Map<number, Place>();
    this.#places.set(ip, ports.set(port, place));
  }

  /** Whether `stop` said so before the time was over. Fails when a deadline stays in the past. */
  #runUntil(endMs: number, stop: () => boolean): boolean {
    const most = Math.max(MAX_EVENTS_AT_ONCE, MAX_EVENTS_AT_ONCE_PER_HOST * this.#places.size);
    let stuck = 0;
    for (let due = this.#queue.popUntil(endMs); due !== null; due = this.#queue.popUntil(endMs)) {
      stuck = due.atMs > this.#nowMs ? 0 : stuck + 1;
      assert(stuck < most, `the network moves on from ${this.#nowMs} ms`);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.occur();
      if (stop()) return true;
    }
    this.#nowMs = endMs;
    return false;
  }
}

function isControl(packet: Packet): boolean {
  if (packet.kind === 'envelope') return isControl(packet.inner);
  return packet.kind === 'unit' && packet.body.kind === 'control';
}
