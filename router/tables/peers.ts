/**
 * Peer table of one forwarding thread: node id to a small integer, and for each peer the socket address that its datagrams go to in
 * the arena, the size of its units and fragments, and its active session. Written between batches, read per unit. Datagrams to a
 * peer behind a relay (ADR 0044) go to the address of the relay, and follow it.
 */
import type { NodeId } from '../../common/node-id.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { RelayRoute } from '../../common/router-port.js';
import type { Arena } from '../kernel/arena.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/datagram-header.js';
import { underlayHeaderBytes } from '../../common/wire/overhead.js';
import { MAX_PEERS, MAX_UNIT_BYTES, UNKNOWN_PATH_MTU_BYTES } from '../../common/protocol.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import { fragmentBytesFor, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { MIN_PATH_MTU_BYTES } from '../limits.js';
import { SOCKADDR_ROOM, UDP_MAX_PAYLOAD_BYTES, UDP_MAX_SEGMENTS } from '../kernel/linux-abi.js';
import type { SocketFamily } from '../kernel/socket-address-memory.js';
import { readSocketAddress, sameSocketAddressMemory, writeSocketAddress } from '../kernel/socket-address-memory.js';
import { LOCAL_ADDRESS_BYTES, readLocalAddress, sameLocalAddress } from '../kernel/packet-info.js';
import { envelopeWords } from './envelope-words.js';
import type { EnvelopeWords } from './envelope-words.js';

export const NO_PEER = 0;
export const NO_SESSION = -1;

/** States of a peer's path. */
const UNREACHABLE = 0;
const DIRECT = 1;
const RELAYED = 2;

/** Path of a peer behind a relay. */
export interface RelayedPath {
  readonly relay: number;
  readonly route: RelayRoute;
  readonly envelope: EnvelopeWords;
  readonly endpoint: SocketAddress;
}

export class Peers {
  /** How often a peer was refused for want of room (`pools.ts`). */
  refusals = 0;
  /** Bounded by MAX_PEERS. */
  readonly #indexes = new Map<NodeId, number>();
  readonly #ids: (NodeId | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #addresses: number;
  /** Room for one more, to compare with. */
  readonly #compared: number;
  /** Local addresses that the peers call. */
  readonly #locals: number;
  /** 1 when the peer's datagrams are answered from the address that it calls. */
  readonly #answersFromLocal = new Uint8Array(MAX_PEERS + 1);
  /** 1 when the peer's datagrams go to an IPv4 address. */
  readonly #ipv4 = new Uint8Array(MAX_PEERS + 1);
  readonly #path = new Uint8Array(MAX_PEERS + 1).fill(UNREACHABLE);
  /** Of the peers behind a relay; bounded by MAX_PEERS. */
  readonly #relayed = new Map<number, RelayedPath>();
  readonly #mtuBytes = new Uint16Array(MAX_PEERS + 1).fill(UNKNOWN_PATH_MTU_BYTES);
  /** When the link came up, by the agent; NaN while it is not up. Only kept for the next agent. */
  readonly #upSinceMs = new Float64Array(MAX_PEERS + 1).fill(NaN);
  /** Fragments that a unit may have, as loss on the path allows. */
  readonly #fragmentBudget = new Uint8Array(MAX_PEERS + 1).fill(UDP_MAX_SEGMENTS);
  /** Bytes of each fragment: a multiple of 4, so that fragments stay aligned. */
  readonly fragmentBytes = new Uint16Array(MAX_PEERS + 1);
  /** Bytes of plaintext that a unit is filled up to. */
  readonly unitBytes = new Int32Array(MAX_PEERS + 1);
  /** How often datagrams to the peer went another way than before. */
  readonly moves = new Uint32Array(MAX_PEERS + 1);
  readonly activeSession = new Int32Array(MAX_PEERS + 1).fill(NO_SESSION);

  constructor(
    private readonly arena: Arena,
    readonly family: SocketFamily,
  ) {
    this.#addresses = arena.allocate((MAX_PEERS + 1) * SOCKADDR_ROOM);
    this.#compared = arena.allocate(SOCKADDR_ROOM);
    this.#locals = arena.allocate((MAX_PEERS + 1) * LOCAL_ADDRESS_BYTES);
    for (let index = MAX_PEERS; index > 0; index--) this.#free.push(index);
  }

  /** The index of a peer, which is added if it is new; NO_PEER when MAX_PEERS are known. */
  indexOf(id: NodeId): number {
    const known = this.#indexes.get(id);
    if (known !== undefined) return known;
    const index = this.#free.pop() ?? NO_PEER;
    if (index === NO_PEER) {
      this.refusals++;
      return NO_PEER;
    }
    this.#indexes.set(id, index);
    this.#ids[index] = id;
    this.#mtuBytes[index] = UNKNOWN_PATH_MTU_BYTES;
    this.#setCut(index, underlayHeaderBytes(4));
    return index;
  }

  find(id: NodeId): number {
    return this.#indexes.get(id) ?? NO_PEER;
  }

  idOf(index: number): NodeId | undefined {
    return this.#ids[index];
  }

  ids(): IterableIterator<[NodeId, number]> {
    return this.#indexes.entries();
  }

  forget(id: NodeId): void {
    const index = this.find(id);
    if (index === NO_PEER) return;
    this.#indexes.delete(id);
    this.#ids[index] = undefined;
    this.#relayed.delete(index);
    this.#path[index] = UNREACHABLE;
    this.#answersFromLocal[index] = 0;
    this.#leaveRelay(index);
    this.#upSinceMs[index] = NaN;
    this.#fragmentBudget[index] = UDP_MAX_SEGMENTS;
    this.activeSession[index] = NO_SESSION;
    this.#free.push(index);
  }

  /** Arena offset of the socket address that the peer's datagrams go to. */
  addressAt(index: number): number {
    return this.#addresses + index * SOCKADDR_ROOM;
  }

  /** Whether the peer has an endpoint, and no relay is in between. */
  isDirect(index: number): boolean {
    return this.#path[index] === DIRECT;
  }

  /** Whether datagrams to the peer are sent in envelopes now. */
  isRelayed(index: number): boolean {
    return this.#path[index] === RELAYED;
  }

  /** The path of a peer behind a relay, also while the relay cannot be reached. */
  relayedPath(index: number): RelayedPath | undefined {
    return this.#relayed.get(index);
  }

  hasIpv4(index: number): boolean {
    return this.#ipv4[index] === 1;
  }

  /** The direct one, also of a peer behind a relay. */
  endpoint(index: number): SocketAddress | null {
    const relayed = this.#relayed.get(index);
    if (relayed !== undefined) return relayed.endpoint;
    return this.isDirect(index) ? readSocketAddress(this.arena, this.addressAt(index)) : null;
  }

  /** Arena offset of the local address that datagrams to the peer leave from; 0 for the one that the route says. */
  localAt(index: number): number {
    return this.#answersFromLocal[index] === 1 ? this.#locals + index * LOCAL_ADDRESS_BYTES : 0;
  }

  /** The same as text, or null. */
  localOf(index: number): IpAddress | null {
    const local = this.localAt(index);
    return local === 0 ? null : readLocalAddress(this.arena, local, this.family);
  }

  /** The local address that datagrams to the peer leave from, if this is where they go; null for the one that the route says. */
  localTowards(index: number, to: SocketAddress): Uint8Array | null {
    const { arena, family } = this;
    const local = this.localAt(index);
    if (local === 0 || !this.isDirect(index) || !writeSocketAddress(arena, this.#compared, to, family)) return null;
    const isThere = sameSocketAddressMemory(arena, this.#compared, this.addressAt(index), family);
    return isThere ? arena.u8.slice(local, local + LOCAL_ADDRESS_BYTES) : null;
  }

  /** Whether the peer calls the local address at this offset. */
  callsAt(index: number, local: number): boolean {
    const at = this.localAt(index);
    return at !== 0 && sameLocalAddress(this.arena, at, local, this.family);
  }

  /** Not of a peer behind a relay: what it calls leads to the relay. */
  setLocal(index: number, local: Uint8Array): void {
    if (this.#relayed.has(index)) return;
    this.arena.u8.set(local, this.#locals + index * LOCAL_ADDRESS_BYTES);
    this.#answersFromLocal[index] = 1;
    this.#followRelay(index);
  }

  /** The kernel refuses to send from there: the address is gone. */
  forgetLocal(index: number): void {
    this.#answersFromLocal[index] = 0;
  }

  mtuBytes(index: number): number {
    return this.#mtuBytes[index]!;
  }

  /**
   * Another endpoint may call another local address, so that is forgotten.
   * @param mtuBytes the largest IP packet that fits the path; unchanged when null
   */
  setPath(index: number, endpoint: SocketAddress, mtuBytes: number | null, route: RelayRoute | null = null): void {
    if (mtuBytes !== null) this.#mtuBytes[index] = Math.max(MIN_PATH_MTU_BYTES, Math.min(65535, mtuBytes));
    if (route === null) this.#setDirect(index, endpoint);
    else this.#setRelayed(index, endpoint, route);
  }

  #setDirect(index: number, endpoint: SocketAddress): void {
    const { arena, family } = this;
    writeSocketAddress(arena, this.#compared, endpoint, family);
    const isSame = sameSocketAddressMemory(arena, this.#compared, this.addressAt(index), family);
    if (this.#relayed.delete(index) || !isSame) {
      this.forgetLocal(index);
      this.moves[index]!++;
      for (const [behind, { relay }] of this.#relayed) if (relay === index) this.moves[behind]!++;
    }
    const written = writeSocketAddress(arena, this.addressAt(index), endpoint, family);
    this.#path[index] = written ? DIRECT : UNREACHABLE;
    const ipVersion = ipFamily(endpoint.ip);
    this.#ipv4[index] = ipVersion === 4 ? 1 : 0;
    this.#setCut(index, underlayHeaderBytes(ipVersion));
    this.#followRelay(index);
  }

  #setRelayed(index: number, endpoint: SocketAddress, route: RelayRoute): void {
    const relay = this.indexOf(route.peer);
    const envelope = envelopeWords(route.channel);
    if (!isSameWay(this.#relayed.get(index), { relay, envelope })) this.moves[index]!++;
    this.#relayed.set(index, { relay, route, envelope, endpoint });
    this.#goTheWayOf(relay, index);
    // Nothing is sent over this one any more.
    this.#followRelay(index);
  }

  /** Gives the peers behind this relay its address, as it is now. */
  #followRelay(relay: number): void {
    for (const [index, relayed] of this.#relayed) if (relayed.relay === relay) this.#goTheWayOf(relay, index);
  }

  /** The index of the relay may become that of another node. */
  #leaveRelay(relay: number): void {
    for (const [index, relayed] of this.#relayed) {
      if (relayed.relay !== relay) continue;
      this.#relayed.set(index, { ...relayed, relay: NO_PEER });
      this.#goTheWayOf(NO_PEER, index);
    }
  }

  /** Sends what is for a peer to its relay; nowhere when that has no direct path. */
  #goTheWayOf(relay: number, index: number): void {
    const { u8 } = this.arena;
    const isThere = relay !== NO_PEER && this.isDirect(relay);
    this.#path[index] = isThere ? RELAYED : UNREACHABLE;
    this.#answersFromLocal[index] = 0;
    if (!isThere) return;
    const from = this.addressAt(relay);
    u8.copyWithin(this.addressAt(index), from, from + SOCKADDR_ROOM);
    const local = this.localAt(relay);
    this.#answersFromLocal[index] = this.#answersFromLocal[relay]!;
    if (local !== 0) u8.copyWithin(this.#locals + index * LOCAL_ADDRESS_BYTES, local, local + LOCAL_ADDRESS_BYTES);
    this.#ipv4[index] = this.#ipv4[relay]!;
    this.#setCut(index, underlayHeaderBytes(this.hasIpv4(relay) ? 4 : 6) + ENVELOPE_BYTES);
  }

  noteUp(index: number, upForMs: number | null, nowMs: number): void {
    this.#upSinceMs[index] = upForMs === null ? NaN : nowMs - upForMs;
  }

  /** How long the link is up, or null. */
  upForMs(index: number, nowMs: number): number | null {
    const sinceMs = this.#upSinceMs[index]!;
    return Number.isNaN(sinceMs) ? null : Math.max(0, Math.floor(nowMs - sinceMs));
  }

  /** Limits the fragments of a unit: with fewer, a lost datagram costs fewer bytes. */
  setFragmentBudget(index: number, fragments: number): void {
    this.#fragmentBudget[index] = Math.max(1, Math.min(UDP_MAX_SEGMENTS, fragments));
    this.unitBytes[index] = this.#unitBytes(index);
  }

  fragmentBudget(index: number): number {
    return this.#fragmentBudget[index]!;
  }

  /** @param aroundBytes bytes of a packet around a datagram with its header */
  #setCut(index: number, aroundBytes: number): void {
    this.fragmentBytes[index] = fragmentBytesFor(this.#mtuBytes[index]!, aroundBytes + DATAGRAM_HEADER_BYTES);
    this.unitBytes[index] = this.#unitBytes(index);
  }

  #unitBytes(index: number): number {
    const fragment = this.fragmentBytes[index]!;
    const fragments = Math.min(
      this.#fragmentBudget[index]!,
      Math.floor(UDP_MAX_PAYLOAD_BYTES / (fragment + DATAGRAM_HEADER_BYTES)),
    );
    return Math.min(fragments * fragment, MAX_UNIT_BYTES) - TAG_BYTES;
  }
}

type Way = Pick<RelayedPath, 'relay' | 'envelope'>;

function isSameWay(a: Way | undefined, b: Way): boolean {
  return a?.relay === b.relay && a.envelope.channel === b.envelope.channel && a.envelope.token0 === b.envelope.token0;
}
