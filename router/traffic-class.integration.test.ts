import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyFrame, patternBytes } from './testing/frame-arbitraries.js';
import type { FrameSpec } from './testing/frame-builder.js';
import { buildRecord, frameOf } from './testing/frame-builder.js';
import { awaitRecord, endsOf, settle } from './testing/exchange.js';
import { LOOPBACK, LOOPBACK_IPV6 } from './testing/datagram-socket.js';
import { packRecords } from './testing/reference-wire.js';
import type { Mark } from './testing/rfc-6040.js';
import { MARK_PAIRS, MARKS, RFC_6040 } from './testing/rfc-6040.js';
import { TestNode } from './testing/test-node.js';
import { WirePeer } from './testing/wire-peer.js';

/** Expedited forwarding. */
const DSCP = 46 << 2;
const FAMILIES = ['4', '6'] as const;

describe.each([
  ['IPv4', LOOPBACK, true],
  ['IPv4 without UDP GSO', LOOPBACK, false],
  ['IPv6', LOOPBACK_IPV6, true],
])('the traffic class over %s', (_underlay, address, gso) => {
  let node: TestNode;
  let peer: WirePeer;
  let udp: FrameSpec;
  beforeAll(() => {
    node = new TestNode({ number: 1, gso, address });
    peer = new WirePeer(node, 2);
    node.route(peer);
    const [drawn] = fc.sample(anyFrame(ends('4'), { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const plain = { ipOptionBytes: 0, fragment: 0, gsoBytes: 1000, payload: patternBytes(100, 1) };
    udp = { ...drawn!, ...plain, transport: { kind: 'udp' }, offload: 'checksum' };
  });
  afterAll(() => {
    peer.close();
    node.close();
  });

  const ends = (family: '4' | '6') => endsOf(node, { number: 2 } as TestNode, family);
  const outward = (change: Partial<FrameSpec>): Uint8Array => buildRecord({ ...udp, ...change });
  function inward(family: '4' | '6', trafficClass: number): Uint8Array {
    const { source, destination } = ends(family);
    return buildRecord({ ...udp, source: destination, destination: source, trafficClass });
  }

  /** Traffic classes of the datagrams that the node sends for these records, which wait together. */
  function classesOf(...records: readonly Uint8Array[]): number[] {
    for (const record of records) node.tap.send(record);
    settle([node]);
    const classes: number[] = [];
    peer.socket.wait();
    for (let seen = peer.socket.receiveWithClass(); seen !== null; seen = peer.socket.receiveWithClass())
      classes.push(seen.trafficClass);
    return classes;
  }

  /** Sends the unit's datagrams with these marks, and gives the frame that the pod gets, or null. */
  function receive(record: Uint8Array, marks: readonly Mark[], fragmentBytes = 1400): Uint8Array | null {
    const datagrams = peer.seal(packRecords([record]), { fragmentBytes });
    datagrams.forEach((datagram, i) => {
      peer.socket.setTrafficClass(MARKS[marks[i % marks.length]!]);
      peer.socket.send(node.address, datagram);
    });
    peer.socket.setTrafficClass(0);
    settle([node]);
    return node.tap.receive();
  }

  it.each(FAMILIES)('of a pod is that of its datagrams, IPv%s', (family) => {
    for (const trafficClass of [0, 1, DSCP, DSCP | MARKS.ect0, 0xfc, 0xff]) {
      expect(classesOf(outward({ ...ends(family), trafficClass }))).toEqual([trafficClass]);
      const superFrame = { payload: patternBytes(3000, 1), offload: 'segmentation' as const };
      expect(new Set(classesOf(outward({ ...ends(family), trafficClass, ...superFrame })))).toEqual(
        new Set([trafficClass]),
      );
    }
  });

  it('of a slice is that of its super-frame', () => {
    const { peers } = node.forwarder;
    peers.setFragmentBudget(peers.find(peer.id), 8);
    const superFrame = { payload: patternBytes(60_000, 1), offload: 'segmentation' as const };
    const classes = classesOf(outward({ ...ends('4'), trafficClass: DSCP, ...superFrame }), outward(ends('4')));
    peers.setFragmentBudget(peers.find(peer.id), 64);
    expect(classes.filter((trafficClass) => trafficClass !== DSCP)).toEqual([udp.trafficClass]);
  });

  it('is one in each unit, in the order of the frames, and frames of one class share a unit', () => {
    const frames = [0, 0, DSCP, DSCP, DSCP, MARKS.ect0, 0];
    const records = frames.map((trafficClass) => outward({ ...ends('4'), trafficClass }));
    expect(classesOf(...records)).toEqual([0, DSCP, MARKS.ect0, 0]);
  });

  it('is kept when the local address is refused', () => {
    const { peers } = node.forwarder;
    const gone = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77);
    if (address === LOOPBACK) gone.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 77]);
    for (const payload of [patternBytes(100, 1), patternBytes(3000, 1)]) {
      peers.setLocal(peers.find(peer.id), gone);
      const classes = classesOf(outward({ ...ends('4'), trafficClass: DSCP, payload }));
      expect(new Set(classes)).toEqual(new Set([DSCP]));
      expect(peers.localAt(peers.find(peer.id))).toBe(0);
    }
  });

  it.each(MARK_PAIRS)('of a frame that is %s in a datagram that is %s is as RFC 6040 says', (inner, outer) => {
    const outcome = RFC_6040[inner][outer];
    for (const family of FAMILIES) {
      let received: Uint8Array | null = null;
      const drops = node.dropsDuring(() => (received = receive(inward(family, DSCP | MARKS[inner]), [outer])));
      if (outcome === 'drop') {
        expect([received, drops]).toEqual([null, { congestedNotEct: 1 }]);
      } else {
        expect(withoutMacs(received!)).toEqual(withoutMacs(inward(family, DSCP | MARKS[outcome])));
        expect(drops).toEqual({});
      }
    }
  });

  it('of one datagram counts for its unit: a mark is the congestion of all', () => {
    const record = inward('4', MARKS.ect0);
    const marked = (...marks: Mark[]) => withoutMacs(receive(record, marks, 60)!);
    expect(marked('ect0', 'ect0', 'ce')).toEqual(withoutMacs(inward('4', MARKS.ce)));
    expect(marked('ce', 'ect0', 'ect1')).toEqual(withoutMacs(inward('4', MARKS.ce)));
    expect(marked('ect0', 'ect1', 'ect0')).toEqual(withoutMacs(inward('4', MARKS.ect1)));
    expect(marked('notEct', 'notEct', 'ect0')).toEqual(withoutMacs(record));
    // The unit after it begins unmarked.
    expect(marked('ect0')).toEqual(withoutMacs(record));
  });

  it('is marked in every frame of a unit', () => {
    peer.socket.setTrafficClass(MARKS.ce);
    peer.sendRecords([inward('4', MARKS.ect0), inward('6', MARKS.ect1)]);
    peer.socket.setTrafficClass(0);
    const received = [awaitRecord(node)!, awaitRecord(node)!];
    expect(received.map(withoutMacs)).toEqual([inward('4', MARKS.ce), inward('6', MARKS.ce)].map(withoutMacs));
  });
});

/** The frame behind its Ethernet addresses, which the node sets. */
function withoutMacs(record: Uint8Array): string {
  return Buffer.from(frameOf(record).subarray(12)).toString('hex');
}
