/**
 * Warms a forwarding thread before its first real packet: JavaScript that was never run is slow (the first frames took
 * milliseconds), so the whole loop is run on itself first. The thread starts with stand-ins for its descriptors, a packet
 * socket pair for the TAP and a loopback UDP socket for the underlay, with one session whose peer is itself; frames go
 * once around, and then the real descriptors take the stand-ins' numbers. Nothing of it reaches the network.
 */
import { parseCidr } from '../common/cidr.js';
import { parseIpAddress } from '../common/ip-address.js';
import { computedMac, macToBytes } from '../common/mac-address.js';
import { parseNodeId } from '../common/node-id.js';
import { Arena } from './arena.js';
import { sysClose, sysDup2, sysErrno, sysGetsockname, sysRead, sysSocketpair, sysWrite } from './ffi.js';
import { SystemCallError } from '../common/errors.js';
import type { Forwarder } from './forwarder.js';
import {
  AF_INET,
  AF_UNIX,
  O_NONBLOCK,
  SOCK_SEQPACKET,
  VIRTIO_NET_HDR_BYTES,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_TCPV4,
} from './linux-abi.js';
import { readSocketAddress } from './socket-address-memory.js';
import type { SocketFamily } from './socket-address-memory.js';
import { negotiateUnderlay, openUnderlaySockets } from './underlay-socket.js';
import { TCP_CHECKSUM_OFFSET, UDP_CHECKSUM_OFFSET, writeU16le } from './virtio-net-header.js';
import { writeIpv4Checksum } from './checksum.js';
import { writeU16be } from './super-frame.js';

/** Enough for V8 to compile the loop with its types; measured by the round trip of the first pings. */
const SMALL_ROUNDS = 400;
const SMALL_FRAMES_PER_ROUND = 16;
const LARGE_ROUNDS = 150;
const SMALL_PAYLOAD_BYTES = 64;
const LARGE_PAYLOAD_BYTES = 20 * 1340;
const SEGMENT_BYTES = 1340;
/** How long a round waits for its own datagrams, in turns of the loop. */
const TURNS_PER_ROUND = 3;

const SELF = parseNodeId('f'.repeat(32));
/** Slot 16383, which the agent's allocator gives out last. */
const INDEX = 0x0001_3fff;
const HERE = parseIpAddress('192.0.2.1');
const PAIR = 64;
const BUFFER = 128;
const BUFFER_BYTES = 96 << 10;

/** The stand-ins of one thread. Give `tapFds` and `udpFd` to its forwarder. */
export class WarmUp {
  readonly tapFds: readonly number[];
  readonly udpFd: number;
  /** The other ends of the TAP's stand-ins; frames go through the first. */
  readonly #farFds: readonly number[];
  readonly #arena = new Arena(BUFFER_BYTES + 4096);

  constructor(family: SocketFamily, tapQueues: number) {
    const pairs = Array.from({ length: tapQueues }, () => this.#openPair());
    this.tapFds = pairs.map(([near]) => near);
    this.#farFds = pairs.map(([, far]) => far);
    const address = family === AF_INET ? '127.0.0.1' : '::1';
    this.udpFd = openUnderlaySockets({ address, port: 0, count: 1 }).fds[0]!;
    negotiateUnderlay(this.udpFd);
  }

  /** Runs frames through the forwarder, then leaves it as if nothing had been. */
  run(forwarder: Forwarder): void {
    const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
    const endpoint = this.#boundAddress();
    forwarder.obey({ type: 'path', path: { peer: SELF, endpoint, mtuBytes: 1500 } });
    for (const cipher of ['aes-256-gcm', 'chacha20-poly1305'] as const) {
      const session = { peer: SELF, localIndex: INDEX, remoteIndex: INDEX, cipher, sendKey: key, receiveKey: key };
      forwarder.obey({ type: 'installSession', session });
      forwarder.obey({ type: 'activateSession', localIndex: INDEX });
      forwarder.obey({ type: 'tables', tables: tablesOf(true) });
      this.#exercise(forwarder, cipher === 'aes-256-gcm' ? 1 : 0.1);
    }
    forwarder.obey({ type: 'removePeer', peer: SELF });
    forwarder.obey({ type: 'tables', tables: tablesOf(false) });
    forwarder.clearCounters();
  }

  /** The real descriptors take the places of the stand-ins. */
  replace(tapFds: readonly number[], udpFd: number): void {
    [...tapFds, udpFd].forEach((fd, i) => {
      if (sysDup2(fd, this.tapFds[i] ?? this.udpFd) < 0) throw new SystemCallError('dup2', sysErrno());
    });
    this.#farFds.forEach((fd) => sysClose(fd));
  }

  #openPair(): readonly [near: number, far: number] {
    const { i32, base } = this.#arena;
    if (sysSocketpair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK, 0, base + PAIR) !== 0) {
      throw new SystemCallError('socketpair', sysErrno());
    }
    return [i32[PAIR >>> 2]!, i32[(PAIR >>> 2) + 1]!];
  }

  #exercise(forwarder: Forwarder, share: number): void {
    const small = smallFrame();
    const large = largeFrame();
    for (let round = 0; round < SMALL_ROUNDS * share; round++) {
      for (let i = 0; i < SMALL_FRAMES_PER_ROUND; i++) this.#write(small);
      this.#settle(forwarder);
    }
    for (let round = 0; round < LARGE_ROUNDS * share; round++) {
      this.#write(large);
      this.#settle(forwarder);
    }
  }

  #settle(forwarder: Forwarder): void {
    const { base } = this.#arena;
    for (let turn = 0; turn < TURNS_PER_ROUND; turn++) forwarder.turn();
    while (sysRead(this.#farFds[0]!, base + BUFFER, BUFFER_BYTES) > 0);
  }

  #write(record: Uint8Array): void {
    this.#arena.u8.set(record, BUFFER);
    sysWrite(this.#farFds[0]!, this.#arena.base + BUFFER, record.length);
  }

  #boundAddress() {
    const { base, u32 } = this.#arena;
    u32[8] = 28;
    if (sysGetsockname(this.udpFd, base + 64, base + 32) !== 0) throw new SystemCallError('getsockname', sysErrno());
    return readSocketAddress(this.#arena, 64);
  }
}

/** Source and destination are one address: from the peer's claim to the local endpoint, and both are this thread. */
function tablesOf(warming: boolean) {
  return {
    generation: 0,
    clusterCidrs: [],
    localCidrs: [],
    endpoints: warming ? [{ ip: HERE, mac: computedMac(HERE) }] : [],
    routes: warming ? [{ cidr: parseCidr('192.0.2.0/24'), peer: SELF }] : [],
  };
}

function smallFrame(): Uint8Array {
  const record = ipv4Record(17, 8 + SMALL_PAYLOAD_BYTES, UDP_CHECKSUM_OFFSET);
  writeU16be(record, VIRTIO_NET_HDR_BYTES + 38, 8 + SMALL_PAYLOAD_BYTES);
  return record;
}

function largeFrame(): Uint8Array {
  const record = ipv4Record(6, 20 + LARGE_PAYLOAD_BYTES, TCP_CHECKSUM_OFFSET);
  record[1] = VIRTIO_NET_HDR_GSO_TCPV4;
  writeU16le(record, 4, SEGMENT_BYTES);
  record[VIRTIO_NET_HDR_BYTES + 34 + 12] = 0x50;
  record[VIRTIO_NET_HDR_BYTES + 34 + 13] = 0x10;
  return record;
}

/** Virtio header, Ethernet and IPv4 headers from HERE to HERE, and an empty transport part. */
function ipv4Record(protocol: number, transportBytes: number, checksumOffset: number): Uint8Array {
  const record = new Uint8Array(VIRTIO_NET_HDR_BYTES + 34 + transportBytes);
  const ip = VIRTIO_NET_HDR_BYTES + 14;
  record[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  writeU16le(record, 6, 34);
  writeU16le(record, 8, checksumOffset);
  record.set(macToBytes(computedMac(HERE)), VIRTIO_NET_HDR_BYTES);
  record.set([0x08, 0x00, 0x45], VIRTIO_NET_HDR_BYTES + 12);
  writeU16be(record, ip + 2, 20 + transportBytes);
  record.set([64, protocol], ip + 8);
  record.set([192, 0, 2, 1, 192, 0, 2, 1], ip + 12);
  writeIpv4Checksum(record, ip);
  return record;
}
