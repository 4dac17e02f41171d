import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { ENVELOPE_BYTES, innerDatagram, readEnvelope, wrapDatagram } from '../common/wire/relay-envelope.js';
import { RELAY_BURST_MS, RELAY_BYTES_PER_SECOND, RELAY_PAIR_BYTES_PER_SECOND } from './limits.js';
import { CE } from './packet/congestion-mark.js';
import { DatagramSocket } from './testing/datagram-socket.js';
import { endsOf, exchange, expectedFrames, framesOnTheWire, hex, settle } from './testing/exchange.js';
import { anyFrame, patternBytes } from './testing/frame-arbitraries.js';
import type { FrameSpec } from './testing/frame-builder.js';
import { buildRecord } from './testing/frame-builder.js';
import { channel, RelayTriangle } from './testing/relay-triangle.js';
import type { TestNode, TestNodeOptions } from './testing/test-node.js';
import { link, TestNode as Node } from './testing/test-node.js';
import { WirePeer } from './testing/wire-peer.js';

const MTUS = [576, 1280, 1400, 1500, 9000];
const limits = { maxPayloadBytes: 8900, maxSuperBytes: 61_000 };

function useTriangle(options: Omit<TestNodeOptions, 'number'> = {}, relayOptions = options): () => RelayTriangle {
  let triangle: RelayTriangle | undefined;
  beforeAll(() => {
    triangle = new RelayTriangle(options, relayOptions);
  });
  afterAll(() => triangle?.close());
  return () => triangle!;
}

/** Time for the relay to forget what it relayed before. */
function rest({ relay }: RelayTriangle): void {
  relay.nowMs += RELAY_BURST_MS;
}

function expectCarried(triangle: RelayTriangle, specs: readonly FrameSpec[], [from, to]: readonly TestNode[]): void {
  const records = specs.map(buildRecord);
  const expected = expectedFrames(records);
  rest(triangle);
  const received = exchange(from!, to!, records, { expectedFrames: expected.length, nodes: triangle.nodes });
  expect(hex(framesOnTheWire(received))).toEqual(hex(expected));
}

function expectNoDrops({ nodes, nowhere }: RelayTriangle): void {
  expect(nodes.map((node) => node.drops())).toEqual([{}, {}, {}]);
  expect(nowhere.receiveAll()).toEqual([]);
}

/** A plain UDP frame between two nodes. */
function udp(from: TestNode, to: TestNode, payloadBytes: number): FrameSpec {
  const [drawn] = fc.sample(anyFrame(endsOf(from, to, '4'), { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
  const plain = { ...drawn!, ipOptionBytes: 0, fragment: 0, trafficClass: 0, offload: 'none' as const };
  return { ...plain, transport: { kind: 'udp' }, payload: patternBytes(payloadBytes, payloadBytes) };
}

const offloads: [string, Omit<TestNodeOptions, 'number'>, Omit<TestNodeOptions, 'number'>][] = [
  ['everything offloaded', {}, {}],
  ['no GSO and GRO at the relay', {}, { gso: false, gro: false }],
  ['no GSO and GRO at the ends', { gso: false, gro: false }, {}],
  ['IPv6 between them', { address: '::1' }, { address: '::1' }],
];

describe.each(offloads)('frames through a relay, %s', (_what, options, relayOptions) => {
  const triangle = useTriangle(options, relayOptions);

  it('arrive bit for bit and in order over any path MTU', () => {
    const { a, b } = triangle();
    const mixed = fc.array(
      fc.constantFrom('4' as const, '6' as const).chain((family) => anyFrame(endsOf(a, b, family), limits)),
      { minLength: 1, maxLength: 6 },
    );
    const cut = fc.tuple(fc.constantFrom(...MTUS), fc.integer({ min: 1, max: 45 }), fc.boolean());
    fc.assert(
      fc.property(mixed, cut, (specs, [mtuBytes, fragments, backwards]) => {
        triangle().setCut(mtuBytes, fragments);
        const ends = backwards ? [b, a] : [a, b];
        const turned = specs.map((spec) => ({
          ...spec,
          ...endsOf(ends[0]!, ends[1]!, spec.source.length === 4 ? '4' : '6'),
        }));
        // What the sender may not cut, and is larger than the 64 datagrams of a unit.
        const passing = turned.filter(
          (spec) => spec.offload === 'segmentation' || spec.payload.length + 300 <= 64 * (mtuBytes - 100),
        );
        expectCarried(
          triangle(),
          passing.filter((spec) => spec.source.length === 4 || spec.ipOptionBytes === 0),
          ends,
        );
      }),
      { numRuns: fuzzRuns(25) },
    );
    expectNoDrops(triangle());
  });

  it('of every size around the edge of a datagram arrive', () => {
    const { a, b } = triangle();
    for (const mtuBytes of MTUS) {
      triangle().setCut(mtuBytes);
      const fragment = a.forwarder.peers.fragmentBytes[a.forwarder.peers.find(b.id)]!;
      const sizes = [18, fragment - 80, fragment - 72, fragment - 64, 2 * fragment - 80, 5 * fragment];
      for (const size of sizes) expectCarried(triangle(), [udp(a, b, size)], [a, b]);
    }
    expectNoDrops(triangle());
  });
});

describe('a datagram to a peer behind a relay', () => {
  const triangle = useTriangle();

  /** What the end sends to the relay, seen in place of it. */
  function seenByRelay(action: (end: TestNode) => void): Uint8Array[] {
    const { a, relay } = triangle();
    const socket = new DatagramSocket();
    a.command({ type: 'path', path: { peer: relay.id, endpoint: socket.address, mtuBytes: 1500 } });
    action(a);
    settle([a]);
    socket.wait();
    const seen = socket.receiveAll();
    a.command({ type: 'path', path: { peer: relay.id, endpoint: relay.address, mtuBytes: 1500 } });
    socket.close();
    return seen;
  }

  it('has the envelope of the relay and, with it, the size of the path MTU', () => {
    const { a, b, channels } = triangle();
    triangle().setCut(1400);
    const seen = seenByRelay(() => a.tap.send(buildRecord(udp(a, b, 4000))));
    expect(seen.length).toBeGreaterThan(2);
    for (const datagram of seen) {
      expect(readEnvelope(datagram)).toEqual(channels.a.toRelay);
      expect([datagram[0], datagram[1], innerDatagram(datagram)[0]]).toEqual([8, 0, 5]);
    }
    const largest = Math.max(...seen.map(({ length }) => length));
    expect(largest).toBeLessThanOrEqual(1400 - 28);
    expect(largest).toBeGreaterThan(1400 - 28 - 4);
    triangle().setCut(1500);
  });

  it('follows the relay to another address', () => {
    const { a, b } = triangle();
    expect(seenByRelay(() => a.tap.send(buildRecord(udp(a, b, 100))))).toHaveLength(1);
    expectCarried(triangle(), [udp(a, b, 100)], [a, b]);
  });

  it('is not sent while the relay is itself behind a relay, or forgotten', () => {
    const { a, b, relay, nowhere, channels } = triangle();
    const send = () => a.command({ type: 'sendControl', peer: b.id, bytes: patternBytes(10, 1) });
    const path = { peer: relay.id, endpoint: relay.address, mtuBytes: 1500 };
    a.command({ type: 'path', path: { ...path, relay: { peer: b.id, channel: channel(5) } } });
    expect(a.dropsDuring(send)).toEqual({ noSession: 1 });
    a.command({ type: 'path', path });
    expect(a.dropsDuring(send)).toEqual({});
    settle(triangle().nodes);
    expect(nowhere.receiveAll()).toEqual([]);
    // The index of a peer that is forgotten becomes that of another one.
    const c = new Node({ number: 9 });
    const only = new Node({ number: 10 });
    only.command({ type: 'path', path });
    only.command({
      type: 'path',
      path: {
        peer: b.id,
        endpoint: nowhere.address,
        mtuBytes: 1500,
        relay: { peer: relay.id, channel: channels.a.toRelay },
      },
    });
    only.command({ type: 'removePeer', peer: relay.id });
    only.command({ type: 'path', path: { peer: c.id, endpoint: c.address, mtuBytes: 1500 } });
    expect(only.forwarder.peers.isRelayed(only.forwarder.peers.find(b.id))).toBe(false);
    c.close();
    only.close();
  });

  it('is reported with its relay and its direct endpoint', () => {
    const { a, b, relay, nowhere, channels } = triangle();
    expect(a.report().paths.find(({ peer }) => peer === b.id)).toMatchObject({
      endpoint: nowhere.address,
      mtuBytes: 1500,
      relay: { peer: relay.id, channel: channels.a.toRelay },
    });
  });
});

describe('what an end takes out of envelopes', () => {
  const triangle = useTriangle();
  beforeEach(() => {
    for (const node of triangle().nodes) node.events.length = 0;
  });

  it('of a handshake goes to the agent with the channel and the address of the relay', () => {
    const { a, b, relay, channels, nowhere } = triangle();
    const bytes = Uint8Array.from({ length: 1100 }, (_, i) => (i === 0 ? 1 : i));
    const route = { peer: relay.id, channel: channels.a.toRelay };
    a.command({ type: 'sendDatagram', to: nowhere.address, bytes, relay: route });
    settle(triangle().nodes);
    expect(b.events).toEqual([{ type: 'datagram', from: relay.address, bytes, channel: channels.b.toEnd.channel }]);
    expectNoDrops(triangle());
  });

  it('never changes the address of the peer, nor of the relay', () => {
    const { a, b } = triangle();
    // Its own path is direct: only what is in envelopes comes from the other end.
    triangle().setPath(b, a, null);
    expectCarried(triangle(), [udp(a, b, 100), udp(a, b, 3000)], [a, b]);
    expect(b.events.filter(({ type }) => type === 'roamed' || type === 'heardDirectly')).toEqual([]);
    expect(b.forwarder.peers.endpoint(b.forwarder.peers.find(a.id))).toEqual(triangle().nowhere.address);
    triangle().setCut(1500);
  });
});

describe('a probe of a peer behind a relay', () => {
  const triangle = useTriangle();

  /** Sends the probe; the events of the end that sent it, and of the other one. */
  function probe(options: { direct?: boolean; channel?: number }): unknown[] {
    const { a, b, nodes } = triangle();
    for (const node of nodes) node.events.length = 0;
    a.command({ type: 'probe', peer: b.id, probeId: 7, sizeBytes: 1300, ...options });
    settle(nodes);
    return a.events.filter(({ type }) => type === 'probeAnswer');
  }

  it('is answered through the relay', () => {
    const { relay, channels } = triangle();
    const relayed = { relayed: true, channel: channels.a.toEnd.channel };
    expect(probe({})).toEqual([
      expect.objectContaining({ probeId: 7, sizeBytes: 1300, observed: relay.address, ...relayed }),
    ]);
    expectNoDrops(triangle());
  });

  it('is answered on the channel that it came on, whatever the paths are', () => {
    const { a, b, channels, nowhere } = triangle();
    triangle().setPath(a, b, null);
    triangle().setPath(b, a, null);
    expect(probe({})).toEqual([]);
    expect(nowhere.receiveAll()).toHaveLength(1);
    const answer = { relayed: true, channel: channels.a.toEnd.channel, sizeBytes: 1300 };
    expect(probe({ channel: channels.a.toEnd.channel })).toEqual([expect.objectContaining(answer)]);
    expect(a.dropsDuring(() => probe({ channel: 4711 }))).toEqual({ noSession: 1 });
    triangle().setCut(1500);
  });

  it('that is direct is answered directly, to the address that it came from', () => {
    const { a, b, relay, channels } = triangle();
    // The other end takes another address for ours.
    triangle().setPath(a, b, { peer: relay.id, channel: channels.a.toRelay }, 1500, b.address);
    const [answer] = probe({ direct: true });
    expect(answer).toMatchObject({ type: 'probeAnswer', probeId: 7, sizeBytes: 1300, observed: a.address });
    expect(answer).not.toHaveProperty('relayed');
    expect(b.events.filter(({ type }) => type !== 'sessionConfirmed')).toEqual([]);
    triangle().setCut(1500);
  });

  it('that is direct gets no answer where only one direction works', () => {
    expect(probe({ direct: true })).toEqual([]);
    const [datagram] = triangle().nowhere.receiveAll();
    expect([datagram![0], datagram!.length]).toEqual([7, 1300 - 28]);
  });
});

describe('data that comes directly from a peer behind a relay', () => {
  const triangle = useTriangle();

  it('is delivered, and told to the agent once a second; the path stays', () => {
    const { a, b, nodes } = triangle();
    expectCarried(triangle(), [udp(b, a, 10)], [b, a]);
    b.events.length = 0;
    triangle().setPath(a, b, null, 1500, b.address);
    const send = () => {
      for (let i = 0; i < 3; i++) a.command({ type: 'sendControl', peer: b.id, bytes: patternBytes(10, 1) });
      settle(nodes);
    };
    send();
    const heard = { type: 'heardDirectly', peer: a.id, from: a.address, local: b.address.ip };
    expect(b.events.filter(({ type }) => type === 'heardDirectly')).toEqual([heard]);
    b.nowMs += 1000;
    send();
    expect(b.events.filter(({ type }) => type === 'heardDirectly')).toEqual([heard, heard]);
    expect(b.events.filter(({ type }) => type === 'control')).toHaveLength(6);
    expect(b.forwarder.peers.isRelayed(b.forwarder.peers.find(a.id))).toBe(true);
    triangle().setCut(1500);
  });
});

describe('a relay', () => {
  let node: TestNode;
  let a: WirePeer;
  let b: WirePeer;
  let c: WirePeer;
  const sealed = (bytes: number, fill: number) => patternBytes(bytes, fill).fill(5, 0, 1);
  beforeEach(() => {
    node = new Node({ number: 1 });
    [a, b, c] = [new WirePeer(node, 2), new WirePeer(node, 3), new WirePeer(node, 4)];
    open(a, b, 10);
    open(a, c, 20);
    node.turn();
  });
  const end = ({ id }: WirePeer, number: number) => ({
    peer: id,
    receive: channel(number),
    send: channel(number + 500),
  });
  function open(one: WirePeer, other: WirePeer, number: number): void {
    node.command({ type: 'openRelay', ends: [end(one, number), end(other, number + 1)] });
  }
  function close(): void {
    for (const peer of [a, b, c]) peer.close();
    node.close();
  }
  function received({ socket }: WirePeer, count: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    do {
      settle([node]);
      all.push(...socket.receiveAll());
    } while (all.length < count && socket.wait());
    return all;
  }

  it('swaps the labels of every datagram in a train, whichever ends they are for', () => {
    const sizes = [700, 700, 700, 700, 700, 300];
    const channels = [10, 10, 20, 10, 20, 20];
    const datagrams = sizes.map((size, i) => sealed(size, i));
    a.socket.sendCoalesced(
      node.address,
      datagrams.map((datagram, i) => wrapDatagram(datagram, channel(channels[i]!))),
    );
    const expected = (number: number) =>
      datagrams
        .filter((_, i) => channels[i] === number)
        .map((datagram) => wrapDatagram(datagram, channel(number + 501)));
    expect(hex(received(b, 3))).toEqual(hex(expected(10)));
    expect(hex(received(c, 3))).toEqual(hex(expected(20)));
    b.sendDatagrams([wrapDatagram(sealed(64, 1), channel(11))]);
    expect(hex(received(a, 1))).toEqual(hex([wrapDatagram(sealed(64, 1), channel(510))]));
    expect(node.drops()).toEqual({});
    close();
  });

  it('passes the traffic class on', () => {
    a.socket.setTrafficClass(0x28 | CE);
    a.sendDatagrams([wrapDatagram(sealed(64, 1), channel(10))]);
    settle([node]);
    b.socket.wait();
    expect(b.socket.receiveWithClass()).toEqual({
      bytes: wrapDatagram(sealed(64, 1), channel(511)),
      trafficClass: 0x28 | CE,
    });
    close();
  });

  it('takes envelopes of an end from that end only, with its token, and no envelope in an envelope', () => {
    const good = wrapDatagram(sealed(64, 1), channel(10));
    const drops = node.dropsDuring(() => {
      b.sendDatagrams([good]);
      a.sendDatagrams([
        wrapDatagram(sealed(64, 1), { ...channel(10), token: channel(11).token }),
        wrapDatagram(sealed(64, 1), channel(12)),
        wrapDatagram(good, channel(10)),
        good.subarray(0, ENVELOPE_BYTES + 16),
        good.subarray(0, ENVELOPE_BYTES),
      ]);
      settle([node]);
    });
    expect(drops).toEqual({
      relayWrongSource: 1,
      relayWrongToken: 1,
      relayUnknownChannel: 1,
      relayNested: 1,
      datagramTooShort: 2,
    });
    expect([a, b, c].flatMap(({ socket }) => socket.receiveAll())).toEqual([]);
    close();
  });

  it('stops when it is closed by either channel, or loses an end', () => {
    const both = [wrapDatagram(sealed(64, 1), channel(10)), wrapDatagram(sealed(64, 1), channel(20))];
    node.command({ type: 'closeRelay', channel: 11 });
    node.command({ type: 'removePeer', peer: c.id });
    expect(
      node.dropsDuring(() => {
        a.sendDatagrams(both);
        settle([node]);
      }),
    ).toEqual({ relayUnknownChannel: 2 });
    expect(node.report().relays).toEqual([]);
    close();
  });

  it('relays 12.5 MB/s of a pair with 250 ms of it at once, and at once half as long for all pairs that one member opened', () => {
    const others = [5, 6, 7, 8].map((number) => new WirePeer(node, number));
    others.forEach((other, i) => open(a, other, 100 + 2 * i));
    const datagram = (number: number) =>
      wrapDatagram(sealed(50_000 - ENVELOPE_BYTES, 1).fill(1, 3, 4), channel(number));
    /** Sends so many datagrams of 50 kB on each channel; how many pass. */
    const passing = (numbers: readonly number[], count: number): number => {
      const before = node.drops()['relayOverRate'] ?? 0;
      for (let i = 0; i < count; i++) {
        for (const number of numbers) {
          a.sendDatagrams([datagram(number)]);
          settle([node], undefined, 0);
        }
        for (const peer of [b, ...others]) peer.socket.receiveAll();
      }
      settle([node]);
      return numbers.length * count - ((node.drops()['relayOverRate'] ?? 0) - before);
    };
    const burst = (RELAY_PAIR_BYTES_PER_SECOND * RELAY_BURST_MS) / 1000 / 50_000;
    expect(passing([10], 80)).toBe(Math.floor(burst));
    node.nowMs += 18;
    expect(passing([10], 10)).toBe(Math.floor((burst % 1) + (RELAY_PAIR_BYTES_PER_SECOND / 50_000) * 0.018));
    node.nowMs += 10_000;
    expect(passing([10, 100, 102, 104, 106], 60)).toBe((RELAY_BYTES_PER_SECOND * RELAY_BURST_MS) / 1000 / 50_000 / 2);
    expect(node.report().relays).toContainEqual({ channel: 10, idleForMs: 0 });
    for (const other of others) other.close();
    close();
  });

  it('says how long a pair is idle', () => {
    node.nowMs = 5000;
    b.sendDatagrams([wrapDatagram(sealed(64, 1), channel(11))]);
    settle([node]);
    node.nowMs = 65_000;
    expect(node.report().relays).toEqual([
      { channel: 10, idleForMs: 60_000 },
      { channel: 20, idleForMs: 65_000 },
    ]);
    close();
  });
});

describe('envelopes of any bytes', () => {
  const triangle = useTriangle();

  it('deliver nothing, are counted, and harm no one', () => {
    const { a, b, relay, channels, nodes } = triangle();
    const byte = fc.nat(255);
    const label = fc.constantFrom(...Object.values(channels).flatMap(({ toEnd, toRelay }) => [toEnd, toRelay]));
    const inner = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(fc.constantFrom(0, 4, 5, 6, 7, 8, 9, 255), fc.uint8Array({ minLength: 16, maxLength: 200 }))
        .map(([type, rest]) => Uint8Array.of(type, ...rest)),
    );
    const flips = fc.array(fc.tuple(fc.nat(ENVELOPE_BYTES - 1), byte), { maxLength: 2 });
    const envelope = fc.tuple(label, inner, flips).map(([one, datagram, changes]) => {
      const bytes = wrapDatagram(datagram, one);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    // From the relay to the ends, and from an end to the relay: sockets that are theirs send what they like.
    const way = fc.constantFrom([relay, a], [relay, b], [a, relay], [b, relay], [a, b]);
    fc.assert(
      fc.property(fc.array(fc.tuple(way, envelope), { minLength: 1, maxLength: 20 }), (sent) => {
        rest(triangle());
        for (const [[from, to], bytes] of sent) {
          from.command({ type: 'sendDatagram', to: to.address, bytes });
          settle(nodes, undefined, 0);
        }
        expect(nodes.flatMap((node) => node.tap.receiveAll())).toEqual([]);
        expectCarried(triangle(), [udp(a, b, 100)], [a, b]);
        expectCarried(triangle(), [udp(b, a, 2000)], [b, a]);
        for (const node of nodes) node.events.length = 0;
      }),
      { numRuns: fuzzRuns(60) },
    );
  });
});

describe('an unrelated link of an end', () => {
  it('goes on when channels are opened and closed', () => {
    const triangle = new RelayTriangle();
    const { a, channels } = triangle;
    const c = new Node({ number: 8 });
    link(a, c);
    a.command({ type: 'closeChannel', channel: channels.a.toEnd.channel });
    const records = [buildRecord(udp(a, c, 100))];
    expect(exchange(a, c, records, { expectedFrames: 1 })).toHaveLength(1);
    c.close();
    triangle.close();
  });
});
