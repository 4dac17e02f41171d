import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ipToBytes } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { RelayChannel } from '../../common/router-port.js';
import { wrapDatagram } from '../../common/wire/relay-envelope.js';
import { Arena } from '../kernel/arena.js';
import { Counters, dropsByName } from './counters.js';
import { MAX_LANES, MAX_PEERS, MAX_UNIT_BYTES, REFUSE_AFTER_UNITS } from '../../common/protocol.js';
import { TYPE_CONTROL, TYPE_DATA, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import type { DropReason } from './drop-reasons.js';
import { DROP_REASONS } from './drop-reasons.js';
import { sysClose } from '../kernel/ffi.js';
import { measureAeadEngines } from '../aead/selection.js';
import { KEY_BYTES } from '../aead/aead.js';
import {
  MAX_EARLY_DATAGRAMS_PER_SESSION,
  MAX_INCOMPLETE_UNITS_PER_SESSION,
  MAX_RECEIVE_CONTEXTS,
  RELAY_BURST_MS,
  RELAY_PAIR_BYTES_PER_SECOND,
  UNHEARD_MS,
  WAIT_FOR_SESSION_MS,
} from '../limits.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { CE, NOT_ECT } from '../packet/congestion-mark.js';
import { Peers } from './peers.js';
import { Sessions } from './sessions.js';
import { anyFrame, patternBytes } from '../testing/frame-arbitraries.js';
import type { FrameSpec } from '../testing/frame-builder.js';
import { buildRecord, bytesOf, frameOf, VIRTIO_BYTES } from '../testing/frame-builder.js';
import { settle } from '../testing/exchange.js';
import { encodeHeader, sealUnit } from '../testing/reference-wire.js';
import { nodeIdOf, podAddress, TestNode } from '../testing/test-node.js';
import { DatagramSocket } from '../testing/datagram-socket.js';
import { WirePeer } from '../testing/wire-peer.js';
import { UnitSender } from '../outside/unit-sender.js';

let node: TestNode;
let peer: WirePeer;
beforeAll(() => {
  node = new TestNode({ number: 1 });
  peer = new WirePeer(node, 2);
  node.route(peer, { number: 3 }, { number: 4 });
});
afterAll(() => {
  peer.close();
  node.close();
});

const pod = (number: number, host?: number): Uint8Array => ipToBytes(podAddress(number, '4', host));
const pod6 = (number: number): Uint8Array => ipToBytes(podAddress(number, '6'));
const ends = { source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 5) };
const [drawn] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
const udp: FrameSpec = {
  ...drawn!,
  ipOptionBytes: 0,
  fragment: 0,
  transport: { kind: 'udp' },
  offload: 'checksum',
  payload: patternBytes(60, 1),
};
const outward = (change: Partial<FrameSpec> = {}): Uint8Array => buildRecord({ ...udp, ...change });
const inward = (change: Partial<FrameSpec> = {}): Uint8Array =>
  buildRecord({ ...udp, source: ends.destination, destination: ends.source, ...change });

function fromPod(record: Uint8Array): void {
  node.tap.send(record);
}

function fromPeer(datagrams: readonly Uint8Array[]): void {
  peer.sendDatagrams(datagrams);
}

/** A sealed unit whose header says something else. */
function withHeader(change: Partial<Parameters<typeof encodeHeader>[0]>): Uint8Array[] {
  const [datagram] = peer.seal(patternBytes(100, 1));
  const header = {
    type: 5,
    lane: 0,
    fragment: 0,
    fragments: 1,
    index: peer.outgoing.index,
    unitBytes: 116,
    counter: 2 ** 30,
  };
  return [bytesOf(encodeHeader({ ...header, ...change }), datagram!.subarray(16))];
}

function changedByte(datagram: Uint8Array, at: number): Uint8Array {
  return datagram.map((byte, i) => (i === at ? byte ^ 0x40 : byte));
}

/** ICMPv6 with a wrong checksum: the type alone makes it neighbour discovery. */
function icmpv6(type: number, ends: { source: Uint8Array; destination: Uint8Array }): FrameSpec {
  const payload = patternBytes(24, 1);
  payload[0] = type;
  payload[1] = 0;
  return { ...udp, ...ends, hopLimit: 255, offload: 'none', transport: { kind: 'opaque', protocol: 58 }, payload };
}

/** One way into each reason. */
const WAYS: Readonly<Record<DropReason, () => void>> = {
  insideTooShort: () => fromPod(outward().subarray(0, VIRTIO_BYTES + 20)),
  insideBadVirtioHeader: () => {
    const record = outward({ offload: 'segmentation', gsoBytes: 1000, payload: patternBytes(61_000, 1) });
    record[8] = 16;
    const { peers } = node.forwarder;
    peers.setFragmentBudget(peers.find(peer.id), 8);
    fromPod(record);
    settle([node]);
    peers.setFragmentBudget(peers.find(peer.id), 64);
  },
  insideNotIp: () => fromPod(changedByte(outward(), VIRTIO_BYTES + 12)),
  insideMulticast: () => fromPod(outward({ destinationMac: new Uint8Array(6).fill(0xff) })),
  insideSpoofedSource: () => fromPod(outward({ source: pod(1, 99) })),
  insideLocalDestination: () => fromPod(outward({ destination: pod(1, 6) })),
  noRoute: () => fromPod(outward({ destination: pod(77) })),
  noSession: () => {
    fromPod(outward({ destination: pod(3) }));
    node.turn();
    node.nowMs += WAIT_FOR_SESSION_MS;
  },
  sessionExhausted: () => undefined,
  frameTooLarge: () => {
    const path = { peer: peer.id, endpoint: peer.socket.address };
    node.command({ type: 'path', path: { ...path, mtuBytes: 576 } });
    fromPod(outward({ payload: patternBytes(40_000, 1) }));
    settle([node]);
    node.command({ type: 'path', path: { ...path, mtuBytes: 1500 } });
  },
  sendFailed: () =>
    node.command({ type: 'sendDatagram', to: { ...peer.socket.address, port: 0 }, bytes: new Uint8Array(40) }),
  datagramTooShort: () => fromPeer([Uint8Array.of(5, 0, 0, 1, ...new Uint8Array(27))]),
  datagramUnknownType: () => fromPeer(withHeader({ type: 99 })),
  datagramBadFragment: () => {
    fromPeer(withHeader({ fragment: 1 }));
    fromPeer(withHeader({ fragments: 65 }));
    fromPeer(withHeader({ fragments: 0 }));
    fromPeer(withHeader({ unitBytes: 15, fragments: 2 }));
    fromPeer(withHeader({ unitBytes: 117 }));
  },
  unknownSession: () => fromPeer(withHeader({ index: peer.outgoing.index ^ 0x10000 })),
  replayed: () => {
    const datagrams = peer.seal(new Uint8Array(0));
    fromPeer([...datagrams, ...datagrams]);
  },
  badTag: () => fromPeer(peer.seal(patternBytes(100, 1)).map((datagram) => changedByte(datagram, 40))),
  reassemblyEvicted: () => {
    const units = Array.from({ length: MAX_INCOMPLETE_UNITS_PER_SESSION + 1 }, () =>
      peer.seal(patternBytes(100, 1), { fragmentBytes: 40 }),
    );
    fromPeer(units.map(([first]) => first!));
    settle([node]);
    peer.install();
  },
  reassemblyMismatch: () => {
    const [first, second] = peer.seal(patternBytes(100, 1), { fragmentBytes: 40 });
    fromPeer([first!, second!.subarray(0, 50)]);
    settle([node]);
    peer.install();
  },
  recordBadLength: () => {
    peer.send(Uint8Array.of(255, 255, 255, 255, ...inward()));
    peer.send(Uint8Array.of(5, 0, 0, 0, ...inward()));
  },
  recordBadVirtioHeader: () => peer.sendRecords([changedByte(inward(), 1)]),
  recordNotIp: () => peer.sendRecords([changedByte(inward(), VIRTIO_BYTES + 12)]),
  spoofedSource: () => peer.sendRecords([inward({ source: pod(3) })]),
  unknownDestination: () => peer.sendRecords([inward({ destination: pod(2) })]),
  tapWriteFailed: () => undefined,
  tapCongested: () => {
    // As many as any socket buffer holds; the far end is not read.
    const record = inward({ payload: patternBytes(60_000, 1) });
    for (let i = 0; i < 200; i++) {
      peer.sendRecords([record], { fragmentBytes: 9000 });
      node.turn();
    }
  },
  controlCongested: () => {
    node.takesEvents = false;
    peer.send(patternBytes(10, 1), { type: TYPE_CONTROL });
    settle([node]);
    node.takesEvents = true;
  },
  malformedProbe: () => {
    peer.send(new Uint8Array(39), { type: TYPE_PROBE });
    peer.send(new Uint8Array(60).fill(9), { type: TYPE_PROBE });
    peer.send(new Uint8Array(0), { type: TYPE_PROBE });
  },
  wrongLane: () => fromPeer(withHeader({ lane: 16 })),
  neighbourDiscovery: () => {
    for (const type of [133, 134, 135, 136, 137]) {
      peer.sendRecords([buildRecord(icmpv6(type, { source: pod6(2), destination: pod6(1) }))]);
    }
    const hidden = { ...icmpv6(136, { source: pod6(2), destination: pod6(1) }), ipOptionBytes: 8 };
    peer.sendRecords([buildRecord(hidden)]);
  },
  noReceiveContext: () => undefined,
  congestedNotEct: () => {
    peer.socket.setTrafficClass(CE);
    peer.sendRecords([inward({ trafficClass: NOT_ECT })]);
    peer.socket.setTrafficClass(0);
  },
  waitingFull: () => {
    fromPod(outward({ destination: pod(4), payload: patternBytes(60_000, 1) }));
    fromPod(outward({ destination: pod(4), payload: patternBytes(6_000, 1) }));
  },
  relayUnknownChannel: () => fromPeer([wrapDatagram(new Uint8Array(40), channel(1))]),
  relayWrongToken: () => {
    openChannel(channel(2));
    fromPeer([wrapDatagram(new Uint8Array(40), { ...channel(2), token: new Uint8Array(8) })]);
  },
  relayWrongSource: () => {
    openChannel(channel(3));
    const elsewhere = new DatagramSocket();
    elsewhere.send(node.address, wrapDatagram(new Uint8Array(40), channel(3)));
    elsewhere.close();
  },
  relayNested: () => {
    openChannel(channel(4));
    fromPeer([wrapDatagram(wrapDatagram(new Uint8Array(40), channel(4)), channel(4))]);
  },
  relayOverRate: () => {
    relayTo(channel(5), peer);
    const datagram = wrapDatagram(patternBytes(40_000, 1).fill(5, 0, 1), channel(5));
    for (let bytes = 0; bytes <= (RELAY_PAIR_BYTES_PER_SECOND / 1000) * RELAY_BURST_MS; bytes += datagram.length) {
      fromPeer([datagram]);
      settle([node]);
    }
  },
  relayEndGone: () => {
    relayTo(channel(6), { id: nodeIdOf(33) });
    fromPeer([wrapDatagram(Uint8Array.from(patternBytes(40, 1).fill(5, 0, 1)), channel(6))]);
  },
  earlyFull: () => {
    const localIndex = expectSession(0x40);
    const early = withHeader({ index: localIndex });
    for (let i = 0; i <= MAX_EARLY_DATAGRAMS_PER_SESSION; i++) {
      fromPeer(early);
      settle([node]);
    }
    // Those that wait are dropped below.
  },
  earlyExpired: () => {
    node.command({ type: 'removeSession', localIndex: 0x40 });
  },
  notHeard: () => {
    node.nowMs += UNHEARD_MS;
    fromPod(outward());
    node.turn();
    node.nowMs += WAIT_FOR_SESSION_MS;
  },
};

function expectSession(localIndex: number): number {
  node.command({ type: 'expectSession', localIndex });
  return localIndex;
}

function channel(number: number): RelayChannel {
  return { channel: number, token: new Uint8Array(8).fill(number) };
}

/** The peer relays for this node. */
function openChannel(opened: RelayChannel): void {
  node.command({ type: 'openChannel', channel: opened, peer: nodeIdOf(3), relay: peer.id });
}

/** This node relays for the peer. */
function relayTo(receive: RelayChannel, end: { readonly id: NodeId }): void {
  const other = { peer: end.id, receive: channel(receive.channel + 100), send: channel(8) };
  node.command({ type: 'openRelay', ends: [{ peer: peer.id, receive, send: channel(9) }, other] });
}

/** Reasons that a running node's pods and peers cannot cause at will. */
const OWN_TESTS: readonly DropReason[] = ['sessionExhausted', 'tapWriteFailed', 'noReceiveContext'];

describe('drop reasons', () => {
  const ordinary = DROP_REASONS.filter((reason) => !OWN_TESTS.includes(reason));

  it.each(ordinary)('%s is counted, alone, and the node goes on', (reason) => {
    const drops = node.dropsDuring(() => {
      WAYS[reason]();
      settle([node]);
    });
    expect(Object.keys(drops)).toEqual([reason]);
    // What waits ends.
    node.nowMs += WAIT_FOR_SESSION_MS;
    settle([node]);
    node.tap.receiveAll();
    peer.units();
    // Afterwards all is as before: a good frame passes in both directions.
    peer.sendRecords([inward()]);
    fromPod(outward());
    settle([node]);
    expect(node.tap.receiveAll()).toHaveLength(1);
    peer.socket.wait();
    expect(Buffer.compare(frameOf(peer.records()[0]!), frameOf(outward()))).toBe(0);
  });

  it('sessionExhausted is counted when a session has sealed all it may', () => {
    const arena = new Arena(32 << 20);
    const counters = new Counters();
    const peers = new Peers(arena, AF_INET6);
    const sessions = new Sessions(measureAeadEngines(arena)[0].engine, peers, 0);
    const sender = new UnitSender(arena, -1, peers, sessions, counters, true);
    const id = '07'.repeat(16) as NodeId;
    const key = new Uint8Array(32);
    sessions.install(
      { peer: id, localIndex: 1, remoteIndex: 1, cipher: 'aes-256-gcm', sendKey: key, receiveKey: key },
      0,
    );
    sessions.activate(1);
    peers.setPath(peers.find(id), peer.socket.address, 1500);
    sessions.nextCounter[1] = REFUSE_AFTER_UNITS;
    expect(sender.close(sender.take(peers.find(id)), 10, TYPE_DATA)).toBe(false);
    expect(dropsByName(counters.drops)).toEqual({ sessionExhausted: 1 });
  });

  it('tapWriteFailed is counted when the TAP is gone', () => {
    const other = new TestNode({ number: 9 });
    const far = new WirePeer(other, 2);
    other.route(far);
    sysClose(other.tap.far);
    const record = inward({ destination: ipToBytes(podAddress(9, '4')) });
    far.sendRecords([record]);
    settle([other]);
    expect(other.drops()).toEqual({ tapWriteFailed: 1 });
    far.close();
  });

  it('noReceiveContext is counted when all receive contexts are taken, and the pool is reported', () => {
    const other = new TestNode({ number: 8 });
    const far = new WirePeer(other, 2);
    const key = new Uint8Array(KEY_BYTES);
    const keys = { peer: far.id, remoteIndex: 1, cipher: 'aes-256-gcm', sendKey: key, receiveKey: key } as const;
    for (let session = 0; session < MAX_RECEIVE_CONTEXTS / MAX_LANES; session++) {
      const localIndex = 0x10000 + MAX_PEERS + session;
      other.command({ type: 'installSession', session: { ...keys, localIndex } });
      for (let lane = 0; lane < MAX_LANES; lane++) {
        const header = {
          type: TYPE_DATA,
          lane,
          fragment: 0,
          fragments: 1,
          index: localIndex,
          unitBytes: 16,
          counter: 0,
        };
        far.sendDatagrams([bytesOf(encodeHeader(header), new Uint8Array(16))]);
      }
      settle([other]);
    }
    expect(other.report()).toMatchObject({ drops: { badTag: MAX_RECEIVE_CONTEXTS }, refusals: {} });
    far.sendRecords([inward()]);
    settle([other]);
    expect(other.drops()).toMatchObject({ noReceiveContext: 1 });
    expect(other.report().refusals).toEqual({ receiveContexts: 1 });
    far.close();
    other.close();
  });

  it('are all tested here', () => {
    expect([...ordinary, ...OWN_TESTS].sort()).toEqual([...DROP_REASONS].sort());
    expect(Object.keys(WAYS)).toEqual([...DROP_REASONS]);
  });
});

describe('the longest unit that a header can announce', () => {
  it('is refused in every fragment', () => {
    const sealed = sealUnit(peer.outgoing, 2 ** 33, new Uint8Array(65_519), { fragmentBytes: 1024 });
    expect(sealed).toHaveLength(64);
    const drops = node.dropsDuring(() => {
      fromPeer(sealed);
      settle([node]);
    });
    expect(MAX_UNIT_BYTES).toBeLessThan(65_535);
    expect(drops).toEqual({ reassemblyMismatch: 64 });
  });
});

describe('a small super-frame that no kernel makes', () => {
  it.each([
    ['too many UDP segments', { gsoBytes: 1, payload: patternBytes(129, 1) }],
    ['segments of no bytes', { gsoBytes: 0, payload: patternBytes(129, 1) }],
  ])('is refused at the sender, and the frames beside it in the unit are sent: %s', (_what, change) => {
    node.tap.receiveAll();
    peer.units();
    const drops = node.dropsDuring(() => {
      fromPod(outward());
      fromPod(outward({ ...change, offload: 'segmentation' }));
      fromPod(outward());
      settle([node]);
    });
    peer.socket.wait();
    expect(drops).toEqual({ insideBadVirtioHeader: 1 });
    expect(peer.records().map((record) => record.length)).toEqual([outward().length, outward().length]);
  });
});
