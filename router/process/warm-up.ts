/**
 * Warm-up of a forwarding thread before its first packet: JavaScript that never ran is slow (the first frames took
 * milliseconds), so the whole loop first runs on stand-ins for its descriptors: a packet socket pair for the TAP and a loopback
 * UDP socket for the underlay, with sessions whose peer is the thread itself. Then the real descriptors take the numbers of
 * the stand-ins. No frame of the warm-up reaches the network.
 */
import { hostCidr, parseCidr } from '../../common/address/cidr.js';
import { MAX_SESSIONS } from '../../common/protocol.js';
import { SystemCallError } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseNodeId } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { CipherName, ForwardingTables } from '../../common/router-port.js';
import { Arena } from '../kernel/arena.js';
import { sysClose, sysDup3, sysErrno, sysGetsockname, sysRead, sysSocketpair, sysWrite } from '../kernel/ffi.js';
import type { Forwarder } from '../forwarder.js';
import type { ForwarderOptions } from '../forwarder-options.js';
import { AF_INET, AF_UNIX, O_CLOEXEC, O_NONBLOCK, SOCK_SEQPACKET } from '../kernel/linux-abi.js';
import { readSocketAddress } from '../kernel/socket-address-memory.js';
import type { SocketFamily } from '../kernel/socket-address-memory.js';
import { negotiateUnderlay, openUnderlaySockets } from '../kernel/underlay-socket.js';
import { warmUpBursts } from './warm-up-frames.js';

/** Rounds of each burst, by cipher: enough for V8 to compile also what happens once a batch. The rarer cipher goes first. */
const ROUNDS = [
  ['chacha20-poly1305', 3],
  ['aes-256-gcm', 100],
] as const;
/** Turns of the loop after a burst, in which its datagrams come back. */
const TURNS_PER_BURST = 3;

const LAST_SLOT = MAX_SESSIONS - 1;

/**
 * Peers of the warm-up, all of which are this thread. Their sessions have the last slots, which the mesh core gives out last.
 * Words of indices and addresses are of either sign: V8 discards code compiled for positive ones at the first negative one.
 * The small path MTU makes super-frames that do not fit a unit. Addresses are not parsed: the first parse of an IPv6 address takes
 * 13 ms (`net.isIPv6` compiles its pattern), also in a router that does not warm up because pods wait for it.
 */
const PEERS = [
  {
    id: parseNodeId('f'.repeat(32)),
    index: 0x0001_0000 + LAST_SLOT,
    address: '192.0.2.1' as IpAddress,
    mtuBytes: 1500,
  },
  {
    id: parseNodeId('e'.repeat(32)),
    index: 0x8001_0000 + LAST_SLOT - 254,
    address: '198.51.100.200' as IpAddress,
    mtuBytes: 1500,
  },
  {
    id: parseNodeId('d'.repeat(32)),
    index: 0x0001_0000 + LAST_SLOT - 1,
    address: '2001:db8::1' as IpAddress,
    mtuBytes: 1500,
  },
  {
    id: parseNodeId('c'.repeat(32)),
    index: 0x8001_0000 + LAST_SLOT - 253,
    address: '2001:db8::c8' as IpAddress,
    mtuBytes: 800,
  },
] as const;
/** A peer without a session, and an address without a route. */
const WITHOUT_SESSION = { id: parseNodeId('b'.repeat(32)), address: '203.0.113.1' as IpAddress };
const WITHOUT_ROUTE = '203.0.113.2' as IpAddress;
const WAKE_COUNT = Uint8Array.from({ length: 8 }, () => 1);
/** A datagram of type 1 without content: the thread hands it up, and the warm-up ignores it. */
const HANDSHAKE = Uint8Array.from({ length: 64 }, (_, i) => (i === 0 ? 1 : 0));
const PAIR = 64;
const BUFFER = 128;
const BUFFER_BYTES = 96 << 10;

export type ThreadDescriptors = Pick<ForwarderOptions, 'tapFds' | 'udpFd' | 'wakeFd'>;

export class WarmUp {
  /** Descriptors for the forwarder in place of the real ones. */
  readonly standIns: ThreadDescriptors;
  /** Other ends of the stand-ins for the TAP's queues and for the wake descriptor. */
  readonly #farTapFds: readonly number[];
  readonly #farWakeFd: number;
  readonly #arena = new Arena(BUFFER_BYTES + 4096);

  /** @param tapQueues number of all queues @param own the range of those that the forwarder reads */
  constructor(
    family: SocketFamily,
    tapQueues: number,
    private readonly own: { readonly first: number; readonly count: number },
  ) {
    const pairs = Array.from({ length: tapQueues }, () => this.#openPair());
    const wake = this.#openPair();
    const address = family === AF_INET ? '127.0.0.1' : '::1';
    const udpFd = openUnderlaySockets({ address, port: 0, count: 1 }).fds[0]!;
    negotiateUnderlay(udpFd);
    this.standIns = { tapFds: pairs.map(({ near }) => near), udpFd, wakeFd: wake.near };
    this.#farTapFds = pairs.map(({ far }) => far);
    this.#farWakeFd = wake.far;
  }

  /** Runs frames through the forwarder, then removes peers, tables and counts again. */
  run(forwarder: Forwarder): void {
    const endpoint = this.#boundAddress();
    // A megabyte; garbage after the warm-up.
    const bursts = warmUpBursts(
      PEERS.map(({ address }) => address),
      [WITHOUT_SESSION.address, WITHOUT_ROUTE],
    );
    for (const { id, mtuBytes } of PEERS) forwarder.execute({ type: 'path', path: { peer: id, endpoint, mtuBytes } });
    forwarder.execute({ type: 'tables', tables: tablesOf(PEERS, [...PEERS, WITHOUT_SESSION]) });
    for (const [cipher, rounds] of ROUNDS) {
      for (const { id, index } of PEERS) installSession(forwarder, id, index, cipher);
      for (let round = 0; round < rounds; round++) {
        this.#runRareEvents(forwarder, endpoint);
        this.#goAround(forwarder, bursts);
      }
    }
    for (const { id } of [...PEERS, WITHOUT_SESSION]) forwarder.execute({ type: 'removePeer', peer: id });
    forwarder.execute({ type: 'tables', tables: tablesOf([], []) });
    forwarder.clearCounters();
  }

  /** Gives the real descriptors the numbers of the stand-ins; the first numbers of TAP and socket are closed. */
  replace(real: ThreadDescriptors): void {
    const places = inOrder(this.standIns);
    inOrder(real).forEach((fd, i) => {
      if (sysDup3(fd, places[i]!, O_CLOEXEC) < 0) throw new SystemCallError('dup3', sysErrno());
    });
    // The main thread writes to the wake descriptor under its first number.
    for (const fd of [...this.#farTapFds, this.#farWakeFd, ...real.tapFds, real.udpFd]) sysClose(fd);
  }

  #openPair(): { readonly near: number; readonly far: number } {
    const { i32, base } = this.#arena;
    if (sysSocketpair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK | O_CLOEXEC, 0, base + PAIR) !== 0) {
      throw new SystemCallError('socketpair', sysErrno());
    }
    return { near: i32[PAIR >>> 2]!, far: i32[(PAIR >>> 2) + 1]! };
  }

  /** Sends every burst once around. Kinds of frames alternate from the start, so that code is compiled once, for all of them. */
  #goAround(forwarder: Forwarder, bursts: readonly (readonly Uint8Array[])[]): void {
    bursts.forEach((burst, i) => {
      const far = this.#farTapFds[this.own.first + (i % this.own.count)]!;
      for (const record of burst) this.#write(far, record);
      for (let turn = 0; turn < TURNS_PER_BURST; turn++) forwarder.turn();
      this.#discard();
    });
  }

  /** Rare events: wake-ups, handshake datagrams, control messages, probes. */
  #runRareEvents(forwarder: Forwarder, endpoint: SocketAddress): void {
    this.#write(this.#farWakeFd, WAKE_COUNT);
    forwarder.execute({ type: 'sendDatagram', to: endpoint, bytes: HANDSHAKE });
    for (const { id: peer, mtuBytes } of PEERS) {
      forwarder.execute({ type: 'sendControl', peer, bytes: HANDSHAKE });
      forwarder.execute({ type: 'probe', peer, probeId: 1, sizeBytes: mtuBytes });
    }
  }

  #write(far: number, record: Uint8Array): void {
    this.#arena.u8.set(record, BUFFER);
    sysWrite(far, this.#arena.base + BUFFER, record.length);
  }

  #discard(): void {
    for (const far of this.#farTapFds) while (sysRead(far, this.#arena.base + BUFFER, BUFFER_BYTES) > 0);
  }

  #boundAddress() {
    const { base, u32 } = this.#arena;
    u32[8] = 28;
    if (sysGetsockname(this.standIns.udpFd, base + 64, base + 32) !== 0)
      throw new SystemCallError('getsockname', sysErrno());
    return readSocketAddress(this.#arena, 64);
  }
}

function inOrder({ tapFds, udpFd, wakeFd }: ThreadDescriptors): readonly number[] {
  return [...tapFds, udpFd, wakeFd];
}

function installSession(forwarder: Forwarder, peer: NodeId, index: number, cipher: CipherName): void {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
  const session = { peer, localIndex: index, remoteIndex: index, cipher, sendKey: key, receiveKey: key };
  forwarder.execute({ type: 'installSession', session });
  forwarder.execute({ type: 'activateSession', localIndex: index });
}

/** A node and the address it claims. */
type Claimed = typeof WITHOUT_SESSION;

/** Hold the addresses of all peers. The claims are longer prefixes, so a frame leaves for the peer and arrives as local. */
const LOCAL_CIDRS = ['128.0.0.0/1', '2000::/3'].map(parseCidr);

/** Tables in which an address is both local and a peer's claim: source and destination of a frame are the same. */
function tablesOf(local: readonly Claimed[], remote: readonly Claimed[]): ForwardingTables {
  return {
    generation: 0,
    localCidrs: local.length > 0 ? LOCAL_CIDRS : [],
    localAddresses: local.map(({ address }) => address),
    routes: remote.map(({ id, address }) => ({ cidr: hostCidr(address), peer: id })),
  };
}
