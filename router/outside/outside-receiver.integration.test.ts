import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NodeId } from '../../common/node-id.js';
import { measureAeadEngines } from '../aead/selection.js';
import { Arena } from '../kernel/arena.js';
import { Counters, dropsByName } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import { Reassembly } from './reassembly.js';
import { RefusedFrames } from '../inside/refused-frames.js';
import { InsideWriter } from '../inside/inside-writer.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { LOCAL_ADDRESS_BYTES } from '../kernel/packet-info.js';
import { EarlyDatagrams } from './early-datagrams.js';
import { EARLY_BYTES } from '../limits.js';
import { LossReports } from './loss-reports.js';
import { OutsideReceiver } from './outside-receiver.js';
import { RawSender } from './raw-sender.js';
import { Relaying } from './relaying.js';
import { Peers } from '../tables/peers.js';
import { Sessions } from '../tables/sessions.js';
import { DatagramSocket } from '../testing/datagram-socket.js';
import { packet, patternBytes } from '../testing/frame-arbitraries.js';
import { buildRecord } from '../testing/frame-builder.js';
import { PacketPair } from '../testing/packet-pair.js';
import { TYPE_CONTROL } from '../../common/wire/datagram-header.js';
import { encodeHeader, packRecords, sealUnit } from '../testing/reference-wire.js';
import { UnitSender } from './unit-sender.js';
import { queuesOf } from '../testing/queues.js';
import { negotiateUnderlay } from '../kernel/underlay-socket.js';

const LOCAL_INDEX = 0x00770001;
const baseKey = Uint8Array.from({ length: 32 }, (_, i) => 3 * i);
const key = { cipher: 'aes-256-gcm' as const, baseKey, index: LOCAL_INDEX };
const peerId = '01'.repeat(16) as NodeId;

const arena = new Arena(64 << 20);
const counters = new Counters();
const tap = new PacketPair();
const outside = new DatagramSocket();
const other = new DatagramSocket();
negotiateUnderlay(outside.fd);

const peers = new Peers(arena, AF_INET6);
const sessions = new Sessions(measureAeadEngines(arena)[0].engine, peers, 0);
const reassembly = new Reassembly(arena, counters);
const sender = new UnitSender(arena, outside.fd, peers, sessions, counters, true);
const queues = queuesOf(arena, [tap.near]);
const refused = new RefusedFrames(arena, queues, sender, counters, () => 0);
const writer = new InsideWriter(arena, queues, counters, refused, true);
const lossReports = new LossReports(arena, peers, sessions, sender, counters, () => undefined);
const handshakes: Uint8Array[] = [];
const messages: Uint8Array[] = [];
/** Local addresses that were called, in hexadecimal: by handshakes, and by a peer. */
const called: string[] = [];
const localAddress = (at: number) => Buffer.from(arena.u8.subarray(at, at + LOCAL_ADDRESS_BYTES)).toString('hex');
const ignore = () => undefined;
const events = {
  handshake: (_address: number, local: number, _channel: number, datagram: Uint8Array) => {
    called.push(localAddress(local));
    handshakes.push(datagram);
  },
  control: (_peer: number, message: Uint8Array) => messages.push(message),
  probe: ignore,
  confirmed: ignore,
  roamed: ignore,
  heardDirectly: ignore,
  calledAt: (peer: number, local: number) => {
    called.push(localAddress(local));
    peers.setLocal(peer, arena.u8.slice(local, local + LOCAL_ADDRESS_BYTES));
  },
};
const { channels, relay } = new Relaying({
  ...{ arena, fd: outside.fd, peers, counters, lane: 0, lanes: 1, gso: true },
  rawSender: new RawSender(arena, outside.fd, AF_INET6, counters),
});
const early = new EarlyDatagrams(arena, counters, EARLY_BYTES);
const tables = { peers, sessions, reassembly, early, counters, lossReports, channels, relay };
const receiver = new OutsideReceiver({ arena, fd: outside.fd, writer, lanes: 1, events, ...tables });
/** What the receiver allocated last lies right in front of this. */
const GUARD_BYTES = 256 << 10;
const guard = arena.allocate(GUARD_BYTES);
let counter = 0;

afterAll(() => {
  tap.close();
  outside.close();
  other.close();
});
beforeEach(() => {
  handshakes.length = messages.length = called.length = 0;
  counters.drops.fill(0);
  arena.u8.fill(0x5a, guard, guard + GUARD_BYTES);
  sessions.install(
    {
      peer: peerId,
      localIndex: LOCAL_INDEX,
      remoteIndex: 1,
      cipher: key.cipher,
      sendKey: baseKey,
      receiveKey: baseKey,
    },
    0,
  );
  reassembly.forget(LOCAL_INDEX & 0xffff);
  counter = 0;
});

function receive(...datagrams: readonly Uint8Array[]): void {
  for (const datagram of datagrams) {
    other.send(outside.address, datagram);
    outside.wait();
    receiver.drain(0);
  }
}

function receiveCoalesced(datagrams: readonly Uint8Array[]): void {
  const all = receiver.bytesReceived + datagrams.reduce((sum, { length }) => sum + length, 0);
  other.sendCoalesced(outside.address, datagrams);
  while (receiver.bytesReceived < all && outside.wait()) receiver.drain(0);
}

function guardIsWhole(): boolean {
  return arena.u8.subarray(guard, guard + GUARD_BYTES).every((byte) => byte === 0x5a);
}

/** A handshake datagram: the one kind that is handed on as it came. */
function handshake(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === 0 ? 1 : i * 7 + (i >>> 8)));
}

function control(length: number, fragmentBytes: number): { message: Uint8Array; datagrams: Uint8Array[] } {
  const message = patternBytes(length, counter);
  return { message, datagrams: sealUnit(key, counter++, message, { type: TYPE_CONTROL, fragmentBytes }) };
}

const hex = (list: readonly Uint8Array[]): string[] => list.map((bytes) => Buffer.from(bytes).toString('hex'));

/** The largest datagrams that UDP over IPv4 has, some typical ones, and the smallest that are read. */
const LENGTHS = [32, 33, 1200, 1472, 1473, 8972, 32_768, 60_001, 65_504, 65_507];

describe('the local address that was called', () => {
  const LOOPBACK_MAPPED = `${'00'.repeat(10)}ffff7f000001`;

  it('comes with a handshake datagram', () => {
    receive(handshake(100));
    expect(called).toEqual([LOOPBACK_MAPPED]);
  });

  it('is told once for a peer, also with coalesced datagrams', () => {
    const { datagrams } = control(4000, 1200);
    receiveCoalesced(datagrams);
    receive(...control(100, 1200).datagrams);
    expect(messages).toHaveLength(2);
    expect(called).toEqual([LOOPBACK_MAPPED]);
  });
});

describe('single datagrams', () => {
  it.each(LENGTHS)('of %d bytes are handed on unchanged after any other size', (length) => {
    for (const before of LENGTHS) {
      handshakes.length = 0;
      receive(handshake(before), handshake(length));
      expect(handshakes.map((datagram) => datagram.length)).toEqual([before, length]);
      expect(Buffer.compare(handshakes[1]!, handshake(length))).toBe(0);
    }
  });

  it('of any size stay within the memory for them', () => {
    for (const first of LENGTHS) for (const second of LENGTHS) receive(handshake(first), handshake(second));
    expect(guardIsWhole()).toBe(true);
  });

  it('are counted when they are too short', () => {
    receive(new Uint8Array(0), handshake(1), handshake(15), handshake(16), handshake(31));
    expect(counters.drops[DROP.datagramTooShort]).toBe(5);
    expect(handshakes).toEqual([]);
  });

  it('are counted when their type is unknown', () => {
    for (const type of [0, 9, 10, 255]) receive(handshake(100).fill(type, 0, 1));
    expect(counters.drops[DROP.datagramUnknownType]).toBe(4);
  });
});

describe('coalesced datagrams', () => {
  const unit = fc.record({ fragments: fc.integer({ min: 1, max: 8 }), missing: fc.nat(10_000) });

  it('give all their units, whatever their size, also when it changes from message to message', () => {
    const fragmentSizes = fc.constantFrom(504, 505, 1236, 1456, 1455, 2000, 103);
    const coalesced = fc.tuple(fragmentSizes, fc.array(unit, { minLength: 1, maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(coalesced, { minLength: 1, maxLength: 4 }), (batches) => {
        messages.length = 0;
        const expected: Uint8Array[] = [];
        for (const [fragmentBytes, units] of batches) {
          const datagrams = units.flatMap(({ fragments, missing }, i) => {
            // Only the last datagram of a message may be shorter.
            const short = i === units.length - 1 ? missing % Math.max(1, fragmentBytes - 17) : 0;
            const made = control(fragments * fragmentBytes - 16 - short, fragmentBytes);
            expected.push(made.message);
            return made.datagrams;
          });
          // What one message of the kernel holds.
          const most = Math.floor(LENGTHS.at(-1)! / (fragmentBytes + 16));
          for (let i = 0; i < datagrams.length; i += most) receiveCoalesced(datagrams.slice(i, i + most));
        }
        expect(hex(messages)).toEqual(hex(expected));
      }),
      { numRuns: 60 },
    );
    expect(dropsByName(counters.drops)).toEqual({});
  });

  it('may begin and end in the middle of a unit', () => {
    const { message, datagrams } = control(20_000, 1456);
    receiveCoalesced(datagrams.slice(0, 5));
    expect(messages).toEqual([]);
    receiveCoalesced(datagrams.slice(5));
    expect(hex(messages)).toEqual(hex([message]));
  });

  it('may hold units of several kinds, shorter ones at the end', () => {
    const first = control(87, 103);
    const second = control(87, 103);
    const last = control(40, 60);
    receiveCoalesced([...first.datagrams, ...second.datagrams, ...last.datagrams]);
    expect(hex(messages)).toEqual(hex([first.message, second.message, last.message]));
  });

  it('of a size that is no multiple of 4 leave their records aligned', () => {
    const ends = { source: Uint8Array.of(10, 2, 0, 5), destination: Uint8Array.of(10, 1, 0, 5) };
    const [drawn] = fc.sample(packet(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const plain = { ipOptionBytes: 0, fragment: 0, offload: 'none' as const, gsoBytes: 0 };
    const opaque = { kind: 'opaque' as const, protocol: 47 };
    // 4 + 485 bytes: a unit of 505 bytes in a datagram of 521.
    const record = buildRecord({ ...drawn!, ...plain, transport: opaque, payload: patternBytes(485 - 44, 1) });
    const datagram = (): Uint8Array => sealUnit(key, counter++, packRecords([record]).subarray(0, 489))[0]!;
    for (let i = 0; i < 3; i++) receiveCoalesced([datagram(), datagram(), datagram()]);
    // They are read rightly, and refused for what they say: this peer has no range.
    expect(dropsByName(counters.drops)).toEqual({ spoofedSource: 9 });
  });

  it('that announce more than they hold are not read beyond their end', () => {
    const fragmentBytes = 1456;
    for (const fragments of [2, 3, 20, 40]) {
      for (const unitBytes of [
        65_535,
        65_280,
        fragments * fragmentBytes + 1,
        fragments * fragmentBytes - fragmentBytes - 1,
        16,
      ]) {
        const datagrams = Array.from({ length: fragments }, (_, fragment) => {
          const header = { type: 5, lane: 0, fragment, fragments, index: LOCAL_INDEX, unitBytes, counter: 2 ** 20 };
          return Uint8Array.from([...encodeHeader(header), ...patternBytes(fragmentBytes, fragment)]);
        });
        receiveCoalesced(datagrams);
      }
    }
    const { message, datagrams } = control(20_000, fragmentBytes);
    receiveCoalesced(datagrams);
    expect(hex(messages)).toEqual(hex([message]));
    expect(counters.drops[DROP.badTag]).toBe(0);
    expect(counters.drops[DROP.reassemblyMismatch]).toBeGreaterThan(0);
    expect(guardIsWhole()).toBe(true);
  });

  it('of garbage are counted one by one', () => {
    receiveCoalesced(Array.from({ length: 30 }, (_, i) => handshake(1000).fill(99, 0, 1).fill(i, 4)));
    expect(dropsByName(counters.drops)).toEqual({ datagramUnknownType: 30 });
  });
});
