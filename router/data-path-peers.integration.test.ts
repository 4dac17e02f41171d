import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ipToBytes, parseIpAddress } from '../common/address/ip-address.js';
import { parseCidr } from '../common/address/cidr.js';
import { ROUTES_PER_SLICE, UNIT_SLOTS } from './limits.js';
import type { Ends } from './testing/frame-arbitraries.js';
import { anyFrame, patternBytes } from './testing/frame-arbitraries.js';
import type { FrameSpec } from './testing/frame-builder.js';
import { buildRecord, frameOf } from './testing/frame-builder.js';
import { expectedFrames, framesOnTheWire, hex, settle } from './testing/exchange.js';
import { TYPE_CONTROL, TYPE_PROBE } from '../common/wire/datagram-header.js';
import { packRecords } from './testing/reference-wire.js';
import { nodeIdOf, podAddress, TestNode } from './testing/test-node.js';
import { WirePeer } from './testing/wire-peer.js';

const PEERS = 20;
const FIRST_PEER = 10;
const ICMP = 1;

let node: TestNode;
let peers: WirePeer[];
beforeAll(() => {
  node = new TestNode({ number: 1 });
  peers = Array.from({ length: PEERS }, (_, i) => {
    const mtuBytes = [1280, 1500, 9000][i % 3]!;
    return new WirePeer(node, FIRST_PEER + i, i % 2 === 0 ? 'aes-256-gcm' : 'chacha20-poly1305', mtuBytes);
  });
  node.route(...peers);
});
afterAll(() => {
  node.close();
  for (const peer of peers) peer.close();
});

function ends(peer: WirePeer, family: '4' | '6', inwards = false): Ends {
  const local = ipToBytes(podAddress(node.number, family));
  const remote = ipToBytes(podAddress(peer.number, family));
  return inwards ? { source: remote, destination: local } : { source: local, destination: remote };
}

interface Draw {
  readonly peer: number;
  readonly four: boolean;
  readonly seed: number;
}

const limits = { maxPayloadBytes: 3000, maxSuperBytes: 61_000 };
const draws = fc.array(fc.record({ peer: fc.nat(PEERS - 1), four: fc.boolean(), seed: fc.nat() }), {
  minLength: 1,
  maxLength: 64,
});

function draw({ peer, four, seed }: Draw, inwards = false): Uint8Array {
  const arbitrary = anyFrame(ends(peers[peer]!, four ? '4' : '6', inwards), limits);
  return buildRecord(fc.sample(arbitrary, { seed, numRuns: 1 })[0]!);
}

/** A small UDP datagram; many of them fit a unit. */
function small(ends: Ends, seed = 1, bytes = 40): Uint8Array {
  const [base] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), { seed: 1, numRuns: 1 });
  const transport = { kind: 'udp' as const };
  const plain = { ipOptionBytes: 0, fragment: 0, offload: 'checksum' as const, gsoBytes: 0 };
  const spec: FrameSpec = { ...base!, ...plain, transport, payload: patternBytes(bytes, seed), identification: seed };
  return buildRecord(spec);
}

/** Whatever has come for each peer until nothing more does. */
function collect(): Uint8Array[][] {
  const records: Uint8Array[][] = peers.map(() => []);
  const take = (): void => peers.forEach((peer, i) => records[i]!.push(...peer.records()));
  settle([node]);
  for (const { socket } of peers) if (socket.wait(1)) take();
  return records;
}

describe('frames for many peers in one batch', () => {
  it('go to more peers than there are unit slots', () => {
    expect(PEERS).toBeGreaterThan(UNIT_SLOTS);
  });

  it('reach each peer in order and whole in any mix', () => {
    fc.assert(
      fc.property(draws, (picks) => {
        const expected: Uint8Array[][] = peers.map(() => []);
        for (const pick of picks) {
          const record = draw(pick);
          expected[pick.peer]!.push(record);
          while (!node.tap.send(record)) node.turn();
        }
        const received = collect();
        received.forEach((records, i) => {
          expect(hex(framesOnTheWire(records))).toEqual(hex(framesOnTheWire(expected[i]!)));
        });
      }),
      { numRuns: 60 },
    );
    expect(node.drops()).toEqual({});
  });

  it('one for each, then another for each, share the units of each peer', () => {
    const few = peers.slice(0, UNIT_SLOTS);
    for (const round of [0, 1]) for (const peer of few) node.tap.send(small(ends(peer, '4'), round));
    node.turn();
    const units = few.map((peer) => peer.socket.wait() && peer.units());
    for (const list of units) expect(list).toHaveLength(1);
    expect(node.drops()).toEqual({});
  });

  it('one for each in turn, more peers than there are units, stay whole', () => {
    const expected: Uint8Array[][] = peers.map(() => []);
    for (const round of [0, 1, 2]) {
      peers.forEach((peer, i) => {
        const record = small(ends(peer, i % 2 === 0 ? '4' : '6'), 100 * round + i);
        expected[i]!.push(record);
        node.tap.send(record);
      });
    }
    expect(collect().map(hex)).toEqual(expected.map(hex));
    expect(node.drops()).toEqual({});
  });

  it('are cut into no more fragments than the budget of the peer', () => {
    const [peer] = peers;
    const { forwarder } = node;
    for (const budget of [1, 2, 3, 8]) {
      forwarder.peers.setFragmentBudget(forwarder.peers.find(peer!.id), budget);
      for (let i = 0; i < 64; i++) node.tap.send(small(ends(peer!, '4'), i, 20 + ((i * 7) % 61)));
      node.turn();
      peer!.socket.wait();
      const units = peer!.units();
      expect(Math.max(...units.map(({ fragments }) => fragments))).toBeLessThanOrEqual(budget);
      expect(units.length).toBeLessThan(64);
    }
    forwarder.peers.setFragmentBudget(forwarder.peers.find(peer!.id), 64);
  });

  it('without a session do not affect those with one', () => {
    const lonely = { number: 99 };
    node.route(lonely);
    const expected: Uint8Array[] = [];
    const drops = node.dropsDuring(() => {
      for (let i = 0; i < 60; i++) {
        if (i % 3 === 0) {
          const destination = ipToBytes(podAddress(lonely.number, '4'));
          node.tap.send(small({ source: ends(peers[0]!, '4').source, destination }, i));
        } else {
          const record = small(ends(peers[0]!, '4'), i);
          expected.push(record);
          node.tap.send(record);
        }
      }
      const received = collect();
      expect(hex(received[0]!)).toEqual(hex(expected));
    });
    expect(drops).toEqual({});
  });
});

describe('frames from many peers at once', () => {
  it('reach the pods whole and, of each peer, in order', () => {
    fc.assert(
      fc.property(draws, (picks) => {
        const small = picks
          .map((pick) => ({ pick, record: draw(pick, true) }))
          .filter(({ record }) => record.length < 60_000);
        for (const { pick, record } of small) peers[pick.peer]!.sendRecords([record], { fragmentBytes: 1236 });
        settle([node]);
        const received = hex(framesOnTheWire(node.tap.receiveAll()));
        for (const peer of new Set(picks.map((pick) => pick.peer))) {
          const own = small.filter(({ pick }) => pick.peer === peer).map(({ record }) => record);
          const expected = hex(expectedFrames(own));
          const wanted = new Set(expected);
          expect(
            received.filter((frame) => wanted.has(frame)).filter((frame, i, all) => all.indexOf(frame) === i),
          ).toEqual(expected.filter((frame, i, all) => all.indexOf(frame) === i));
        }
        expect(received).toHaveLength(expectedFrames(small.map(({ record }) => record)).length);
      }),
      { numRuns: 25 },
    );
    expect(node.drops()).toEqual({});
  });
});

describe('the source check', () => {
  // What is refused is answered (`inside/refused-frames.integration.test.ts`).
  afterEach(() => {
    collect();
    node.tap.receiveAll();
  });

  it.each<[string, (peer: WirePeer) => Ends, Record<string, number>]>([
    [
      'of another peer',
      (peer) => ({ ...ends(peer, '4', true), source: ends(peers[1]!, '4', true).source }),
      { spoofedSource: 1 },
    ],
    [
      'of another peer, IPv6',
      (peer) => ({ ...ends(peer, '6', true), source: ends(peers[1]!, '6', true).source }),
      { spoofedSource: 1 },
    ],
    ['of our own pods', (peer) => ({ ...ends(peer, '4', true), source: ends(peer, '4').source }), { spoofedSource: 1 }],
    ['of no node', (peer) => ({ ...ends(peer, '4', true), source: Uint8Array.of(8, 8, 8, 8) }), { spoofedSource: 1 }],
    [
      'for no local pod CIDR',
      (peer) => ({ ...ends(peer, '4', true), destination: Uint8Array.of(8, 8, 8, 8) }),
      { unknownDestination: 1 },
    ],
    [
      'for another peer',
      (peer) => ({ ...ends(peer, '4', true), destination: ends(peers[1]!, '4').destination }),
      { unknownDestination: 1 },
    ],
  ])('refuses from a peer what is %s, also right behind a good frame', (_what, hostile, reasons) => {
    const [peer] = peers;
    const good = small(ends(peer!, '4', true));
    const bad = small(hostile(peer!));
    const drops = node.dropsDuring(() => {
      peer!.sendRecords([good, bad, good]);
      settle([node]);
    });
    expect(drops).toEqual(reasons);
    expect(hex(framesOnTheWire(node.tap.receiveAll()))).toEqual(hex(expectedFrames([good, good])));
  });

  it('refuses a unit of another peer with the addresses of the one before', () => {
    const record = small(ends(peers[0]!, '4', true));
    const drops = node.dropsDuring(() => {
      peers[0]!.sendRecords([record]);
      peers[1]!.sendRecords([record]);
      settle([node]);
    });
    expect(drops).toEqual({ spoofedSource: 1 });
    expect(node.tap.receiveAll()).toHaveLength(1);
  });

  it('applies to pods, also directly behind a good frame', () => {
    const good = small(ends(peers[0]!, '4'));
    const bad = small({ ...ends(peers[0]!, '4'), source: Uint8Array.of(10, 1, 0, 99) });
    const drops = node.dropsDuring(() => {
      for (const record of [good, bad, good]) node.tap.send(record);
      expect(hex(collect()[0]!)).toEqual(hex([good, good]));
    });
    expect(drops).toEqual({ insideSpoofedSource: 1 });
  });

  it('follows the tables at once', () => {
    const [first, second] = peers;
    const outward = small(ends(first!, '4'));
    const inward = small(ends(first!, '4', true));
    node.tap.send(outward);
    first!.sendRecords([inward]);
    settle([node]);
    expect(collect()[0]).toHaveLength(1);
    expect(node.tap.receiveAll()).toHaveLength(1);
    // The first peer's range now belongs to the second.
    node.useTables([{ cidr: `10.${first!.number}.0.0/16` as never, peer: second!.id }]);
    const drops = node.dropsDuring(() => {
      node.tap.send(outward);
      first!.sendRecords([inward]);
      settle([node]);
    });
    expect(drops).toEqual({ spoofedSource: 1 });
    const received = collect();
    expect([received[0]!.map(frameOf).filter((frame) => frame[23] !== ICMP), hex(received[1]!)]).toEqual([
      [],
      hex([outward]),
    ]);
    node.route();
  });
});

describe('tables with thousands of routes', () => {
  it('are taken a slice at a time with frames in between, and used as a whole', () => {
    const [first, second] = peers;
    const outward = small(ends(first!, '4'));
    const others = Array.from({ length: 5000 }, (_, n) => ({
      cidr: parseCidr(`172.${16 + (n >> 8)}.${n & 255}.0/24`),
      peer: nodeIdOf(99),
    }));
    // The last route gives the first peer's range to the second.
    node.enqueueTables([...others, { cidr: parseCidr(`10.${first!.number}.0.0/16`), peer: second!.id }]);
    node.tap.send(outward);
    node.turn();
    expect(first!.records()).toHaveLength(1);
    for (let turn = 0; turn < 5000 / ROUTES_PER_SLICE; turn++) node.turn();
    node.tap.send(outward);
    node.turn();
    expect([first!.records(), hex(second!.records())]).toEqual([[], hex([outward])]);
    node.route();
  });
});

describe('a peer that is removed', () => {
  it('leaves no route to the next peer with its index', () => {
    const gone = new WirePeer(node, 60);
    node.route(gone);
    const outward = small(ends(gone, '4'));
    node.tap.send(outward);
    node.turn();
    expect(gone.records()).toHaveLength(1);
    node.command({ type: 'removePeer', peer: gone.id });
    // Before the agent sends new tables, a new peer with the freed index must not inherit the routes of the old one.
    const successor = new WirePeer(node, 61);
    const drops = node.dropsDuring(() => {
      node.tap.send(outward);
      successor.sendRecords([small(ends(gone, '4', true))]);
      settle([node]);
    });
    expect(successor.records().filter((record) => frameOf(record)[23] !== ICMP)).toEqual([]);
    expect(drops).toEqual({ noRoute: 1, spoofedSource: 1 });
    for (const peer of [gone, successor]) peer.close();
    node.tap.receiveAll();
  });
});

describe('a unit without frames', () => {
  it('of a control message goes to the agent, whole and with its peer', () => {
    const [peer] = peers;
    const message = patternBytes(20_000, 3);
    node.events.length = 0;
    peer!.send(message, { type: TYPE_CONTROL, fragmentBytes: 1400 });
    settle([node]);
    const [event] = node.events.filter(({ type }) => type === 'control');
    expect(event).toMatchObject({ type: 'control', peer: peer!.id });
    expect(event?.type === 'control' && Buffer.compare(event.bytes, message)).toBe(0);
  });

  it('of a control message is sent for the agent, up to the largest', () => {
    const [, peer] = peers;
    for (const length of [1, 1000, 65_024]) {
      node.command({ type: 'sendControl', peer: peer!.id, bytes: patternBytes(length, length) });
      peer!.socket.wait();
      const [unit] = peer!.units();
      expect(unit!.type).toBe(TYPE_CONTROL);
      expect(Buffer.compare(unit!.plain, patternBytes(length, length))).toBe(0);
    }
    const drops = node.dropsDuring(() => {
      node.command({ type: 'sendControl', peer: peer!.id, bytes: new Uint8Array(65_025) });
    });
    expect(drops).toEqual({ noSession: 1 });
  });

  it('of a probe is answered with the address it came from', () => {
    const [peer] = peers;
    const probe = Buffer.alloc(100);
    probe.writeUInt32BE(0xabcdef01, 4);
    probe.writeDoubleBE(123.5, 8);
    probe.writeUInt16BE(1400, 16);
    peer!.units();
    peer!.send(probe, { type: TYPE_PROBE });
    settle([node]);
    const [answer] = peer!.units().filter(({ type }) => type === TYPE_PROBE);
    const plain = Buffer.from(answer!.plain);
    expect([plain[0], plain.readUInt32BE(4), plain.readDoubleBE(8), plain.readUInt16BE(16)]).toEqual([
      1, 0xabcdef01, 123.5, 1400,
    ]);
    expect(plain.readUInt16BE(18)).toBe(peer!.socket.address.port);
    expect(plain.subarray(20, 36).toString('hex')).toBe('00000000000000000000ffff7f000001');
  });

  it('from a new address moves the endpoint, unless it is an old one', () => {
    const [peer] = peers;
    const elsewhere = new WirePeer(node, 70);
    node.events.length = 0;
    const old = peer!.seal(packRecords([small(ends(peer!, '4', true))]));
    const recent = peer!.seal(packRecords([small(ends(peer!, '4', true))]));
    elsewhere.sendDatagrams(recent);
    settle([node]);
    const roamed = () => node.events.filter((event) => event.type === 'roamed');
    const endpoint = elsewhere.socket.address;
    expect(roamed()).toEqual([{ type: 'roamed', peer: peer!.id, endpoint, local: node.address.ip }]);
    // What is older, or is not authentic, or was seen, moves nothing.
    peer!.sendDatagrams(old);
    peer!.sendDatagrams(recent);
    peer!.sendDatagrams(
      peer!.seal(new Uint8Array(40)).map((datagram) => datagram.map((byte, i) => (i === 20 ? byte ^ 1 : byte))),
    );
    settle([node]);
    expect(roamed()).toHaveLength(1);
    peer!.sendRecords([small(ends(peer!, '4', true))]);
    settle([node]);
    expect(roamed()).toHaveLength(2);
    elsewhere.close();
    node.tap.receiveAll();
  });

  it('confirms its session once', () => {
    node.events.length = 0;
    const fresh = new WirePeer(node, 71);
    fresh.sendDatagrams(
      fresh.seal(new Uint8Array(0)).map((datagram) => datagram.map((byte, i) => (i === 20 ? byte ^ 1 : byte))),
    );
    settle([node]);
    expect(node.events).toEqual([]);
    for (let i = 0; i < 3; i++) fresh.send(new Uint8Array(0));
    settle([node]);
    expect(node.events).toEqual([{ type: 'sessionConfirmed', peer: fresh.id, localIndex: fresh.outgoing.index }]);
    fresh.close();
  });
});

describe('a request for a neighbour', () => {
  const arp = (target: string): Uint8Array =>
    Uint8Array.from(
      Buffer.from(
        `00000000000000000000ffffffffffff0a580a01000508060001080006040001` +
          `0a580a0100050a010005000000000000${Buffer.from(ipToBytes(parseIpAddress(target))).toString('hex')}`,
        'hex',
      ),
    );

  it('is neither answered nor forwarded: neighbours of the node are permanent', () => {
    const before = node.drops();
    for (const target of ['10.10.0.5', '10.1.0.6', '10.200.0.1']) node.tap.send(arp(target));
    settle([node]);
    expect(node.tap.receiveAll()).toEqual([]);
    for (const peer of peers) expect(peer.records()).toEqual([]);
    expect(node.drops()).toEqual({ ...before, insideNotIp: 3 });
  });
});
