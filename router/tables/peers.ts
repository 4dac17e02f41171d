/**
 * Peer table of one forwarding thread: node id to a small integer, and for each peer its socket address in the arena, the
 * size of its units and fragments, and its active session. Written between batches, read per unit.
 */
import type { NodeId } from '../../common/node-id.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Arena } from '../kernel/arena.js';
import { ipFamily } from '../../common/address/ip-address.js';
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/datagram-header.js';
import { underlayHeaderBytes } from '../../common/wire/overhead.js';
import { MAX_PEERS, MAX_UNIT_BYTES, UNKNOWN_PATH_MTU_BYTES } from '../../common/protocol.js';
import { fragmentBytesFor, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { MIN_PATH_MTU_BYTES } from '../limits.js';
import { SOCKADDR_ROOM, UDP_MAX_PAYLOAD_BYTES, UDP_MAX_SEGMENTS } from '../kernel/linux-abi.js';
import type { SocketFamily } from '../kernel/socket-address-memory.js';
import { readSocketAddress, sameSocketAddressMemory, writeSocketAddress } from '../kernel/socket-address-memory.js';
import { LOCAL_ADDRESS_BYTES, sameLocalAddress } from '../kernel/packet-info.js';

export const NO_PEER = 0;
export const NO_SESSION = -1;

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
  /** 1 when the peer's endpoint is an IPv4 address. */
  readonly #ipv4 = new Uint8Array(MAX_PEERS + 1);
  /** 1 when the peer has an endpoint. */
  readonly #reachable = new Uint8Array(MAX_PEERS + 1);
  readonly #mtuBytes = new Uint16Array(MAX_PEERS + 1).fill(UNKNOWN_PATH_MTU_BYTES);
  /** When the link came up, by the agent; NaN while it is not up. Only kept for the next agent. */
  readonly #upSinceMs = new Float64Array(MAX_PEERS + 1).fill(NaN);
  /** Fragments that a unit may have, as loss on the path allows. */
  readonly #fragmentBudget = new Uint8Array(MAX_PEERS + 1).fill(UDP_MAX_SEGMENTS);
  /** Bytes of each fragment: a multiple of 4, so that fragments stay aligned. */
  readonly fragmentBytes = new Uint16Array(MAX_PEERS + 1);
  /** Bytes of plaintext that a unit is filled up to. */
  readonly unitBytes = new Int32Array(MAX_PEERS + 1);
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
    this.#setCut(index, UNKNOWN_PATH_MTU_BYTES, underlayHeaderBytes(4));
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
    this.#reachable[index] = 0;
    this.#answersFromLocal[index] = 0;
    this.#upSinceMs[index] = NaN;
    this.#fragmentBudget[index] = UDP_MAX_SEGMENTS;
    this.activeSession[index] = NO_SESSION;
    this.#free.push(index);
  }

  /** Arena offset of the peer's socket address. */
  addressAt(index: number): number {
    return this.#addresses + index * SOCKADDR_ROOM;
  }

  isReachable(index: number): boolean {
    return this.#reachable[index] === 1;
  }

  hasIpv4(index: number): boolean {
    return this.#ipv4[index] === 1;
  }

  endpoint(index: number): SocketAddress | null {
    return this.isReachable(index) ? readSocketAddress(this.arena, this.addressAt(index)) : null;
  }

  /** Arena offset of the local address that datagrams to the peer leave from; 0 for the one that the route says. */
  localAt(index: number): number {
    return this.#answersFromLocal[index] === 1 ? this.#locals + index * LOCAL_ADDRESS_BYTES : 0;
  }

  /** Whether the peer calls the local address at this offset. */
  callsAt(index: number, local: number): boolean {
    const at = this.localAt(index);
    return at !== 0 && sameLocalAddress(this.arena, at, local, this.family);
  }

  setLocal(index: number, local: Uint8Array): void {
    this.arena.u8.set(local, this.#locals + index * LOCAL_ADDRESS_BYTES);
    this.#answersFromLocal[index] = 1;
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
  setPath(index: number, endpoint: SocketAddress, mtuBytes: number | null): void {
    const { arena, family } = this;
    writeSocketAddress(arena, this.#compared, endpoint, family);
    if (!sameSocketAddressMemory(arena, this.#compared, this.addressAt(index), family)) this.forgetLocal(index);
    const written = writeSocketAddress(this.arena, this.addressAt(index), endpoint, this.family);
    this.#reachable[index] = written ? 1 : 0;
    const ipVersion = ipFamily(endpoint.ip);
    this.#ipv4[index] = ipVersion === 4 ? 1 : 0;
    this.#setCut(index, mtuBytes ?? this.#mtuBytes[index]!, underlayHeaderBytes(ipVersion));
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

  #setCut(index: number, mtuBytes: number, overheadBytes: number): void {
    const mtu = Math.max(MIN_PATH_MTU_BYTES, Math.min(65535, mtuBytes));
    this.#mtuBytes[index] = mtu;
    this.fragmentBytes[index] = fragmentBytesFor(mtu, overheadBytes + DATAGRAM_HEADER_BYTES);
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
