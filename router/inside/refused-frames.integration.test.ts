import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ipToBytes, parseIpAddress } from '../../common/address/ip-address.js';
import { settle } from '../testing/exchange.js';
import type { Ends } from '../testing/frame-arbitraries.js';
import { anyFrame, patternBytes } from '../testing/frame-arbitraries.js';
import { WAIT_FOR_SESSION_MS } from '../limits.js';
import { buildRecord, frameOf } from '../testing/frame-builder.js';
import { nodeIdOf, podAddress, TestNode } from '../testing/test-node.js';
import { WirePeer } from '../testing/wire-peer.js';

let node: TestNode;
let peer: WirePeer;
beforeAll(() => {
  node = new TestNode({ number: 1 });
  peer = new WirePeer(node, 2);
  node.route(peer, { number: 3 });
});
afterAll(() => {
  peer.close();
  node.close();
});

const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];

const pod = (number: number, family: Family, host?: number): Uint8Array => ipToBytes(podAddress(number, family, host));
const gateway = (family: Family): Uint8Array => pod(1, family, 1);

function udp(ends: Ends, payloadBytes = 60): Uint8Array {
  const [drawn] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
  const plain = { ipOptionBytes: 0, fragment: 0, offload: 'checksum' as const, transport: { kind: 'udp' as const } };
  return buildRecord({ ...drawn!, ...plain, payload: patternBytes(payloadBytes, 1) });
}

/** ICMP error as its receiver reads it. */
function readError(record: Uint8Array, family: Family) {
  const packet = frameOf(record).subarray(14);
  const [source, icmp, quoted] = family === '4' ? [12, 20, 28] : [8, 40, 48];
  const bytes = family === '4' ? 4 : 16;
  return {
    source: packet.subarray(source, source + bytes),
    destination: packet.subarray(source + bytes, source + 2 * bytes),
    error: [packet[icmp], packet[icmp + 1]],
    quotedEnds: packet.subarray(quoted + source, quoted + source + 2 * bytes),
  };
}

function expectError(
  record: Uint8Array,
  family: Family,
  { source, destination }: Ends,
  error: readonly number[],
): void {
  const read = readError(record, family);
  expect(read.error).toEqual(error);
  expect(Buffer.from(read.source)).toEqual(Buffer.from(gateway(family)));
  expect(Buffer.from(read.destination)).toEqual(Buffer.from(source));
  expect(Buffer.from(read.quotedEnds)).toEqual(Buffer.concat([source, destination]));
}

describe.each(FAMILIES)('a frame from the inside that is refused, IPv%s', (family) => {
  it.each<[string, Ends, readonly number[], string]>([
    ['nobody owns', { source: pod(1, family), destination: pod(77, family) }, [3, 1, 1, 3], 'noRoute'],
    [
      'is local again',
      { source: pod(1, family), destination: pod(1, family, 6) },
      [3, 1, 1, 3],
      'insideLocalDestination',
    ],
    [
      'is spoken to from a foreign source',
      { source: pod(1, family, 99), destination: pod(2, family) },
      [3, 13, 1, 5],
      'insideSpoofedSource',
    ],
  ])('is answered through the node, when its destination %s', (_what, ends, codes, reason) => {
    const drops = node.dropsDuring(() => {
      node.tap.send(udp(ends));
      settle([node]);
    });
    expect(drops).toEqual({ [reason]: 1 });
    const [record, ...others] = node.tap.receiveAll();
    expect(others).toEqual([]);
    expectError(record!, family, ends, family === '4' ? codes.slice(0, 2) : codes.slice(2));
  });

  it('is answered after it has waited 3 s for a session with its peer', () => {
    const ends = { source: pod(1, family), destination: pod(3, family) };
    node.tap.send(udp(ends));
    settle([node]);
    node.nowMs += WAIT_FOR_SESSION_MS - 1;
    expect([node.dropsDuring(() => settle([node])), node.tap.receiveAll()]).toEqual([{}, []]);
    node.nowMs += 1;
    expect(node.dropsDuring(() => settle([node]))).toEqual({ noSession: 1 });
    expectError(node.tap.receive()!, family, ends, family === '4' ? [3, 1] : [1, 3]);
  });
});

describe.each(FAMILIES)('a frame too large for 64 datagrams, IPv%s', (family) => {
  const path = () => ({ peer: peer.id, endpoint: peer.socket.address });
  const ends = { source: pod(1, family), destination: pod(2, family) };
  const ipHeaderBytes = family === '4' ? 20 : 40;
  beforeAll(() => node.command({ type: 'path', path: { ...path(), mtuBytes: 576 } }));
  afterAll(() => node.command({ type: 'path', path: { ...path(), mtuBytes: 1500 } }));

  it('is answered with the size that passes, which passes', () => {
    const dropsOf = (ipBytes: number) =>
      node.dropsDuring(() => {
        node.tap.send(udp(ends, ipBytes - ipHeaderBytes - 8));
        settle([node]);
      });
    expect(dropsOf(40_000)).toEqual({ frameTooLarge: 1 });
    const [record, ...others] = node.tap.receiveAll();
    expect(others).toEqual([]);
    expectError(record!, family, ends, family === '4' ? [3, 4] : [2, 0]);
    const mtu = Buffer.from(frameOf(record!)).readUInt16BE(14 + ipHeaderBytes + 6);
    expect(dropsOf(mtu)).toEqual({});
    peer.socket.wait();
    expect(peer.records()).toHaveLength(1);
    expect(dropsOf(mtu + 1)).toEqual({ frameTooLarge: 1 });
    node.tap.receiveAll();
  });
});

describe.each(FAMILIES)('a frame from a peer that is refused, IPv%s', (family) => {
  it('is answered in a unit to that peer, when its source is not within the claims of the peer', () => {
    const ends = { source: pod(3, family), destination: pod(1, family) };
    const drops = node.dropsDuring(() => {
      peer.sendRecords([udp(ends)]);
      settle([node]);
    });
    expect(drops).toEqual({ spoofedSource: 1 });
    peer.socket.wait();
    const [record, ...others] = peer.records();
    expect(others).toEqual([]);
    expectError(record!, family, ends, family === '4' ? [3, 13] : [1, 5]);
    expect(node.tap.receiveAll()).toEqual([]);
  });

  it('is answered in a unit to that peer, when its destination is not within the claims of this node', () => {
    const ends = { source: pod(2, family), destination: pod(3, family) };
    const drops = node.dropsDuring(() => {
      peer.sendRecords([udp(ends)]);
      settle([node]);
    });
    expect(drops).toEqual({ unknownDestination: 1 });
    peer.socket.wait();
    const [record] = peer.records();
    expectError(record!, family, ends, family === '4' ? [3, 1] : [1, 3]);
  });
});

describe('errors to peers', () => {
  it('leave the rate of those for the inside alone', () => {
    node.nowMs += 10_000;
    for (let i = 0; i < 50; i++) peer.sendRecords([udp({ source: pod(3, '4'), destination: pod(1, '4') })]);
    settle([node]);
    peer.socket.wait();
    expect(peer.records()).toHaveLength(20);
    node.tap.send(udp({ source: pod(1, '4'), destination: pod(77, '4') }));
    settle([node]);
    expect(node.tap.receiveAll()).toHaveLength(1);
  });

  it('are not sent by a node without a pod CIDR, which has no address to send them from', () => {
    const bare = new TestNode({ number: 5 });
    const far = new WirePeer(bare, 2);
    const tables = { generation: 9, localCidrs: [], localAddresses: [], routes: [] };
    bare.command({ type: 'tables', tables: { ...tables, routes: [{ cidr: bare.cidrs[0]!, peer: nodeIdOf(2) }] } });
    far.sendRecords([udp({ source: pod(3, '4'), destination: ipToBytes(parseIpAddress('10.5.0.5')) })]);
    settle([bare]);
    expect(bare.drops()).toEqual({ spoofedSource: 1 });
    expect(far.records()).toEqual([]);
    far.close();
    bare.close();
  });
});
