import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DecodeError } from '../common/errors.js';
import { ipToBytes } from '../common/address/ip-address.js';
import { encodeMessage, MessageDecoder } from '../common/codec/message-stream.js';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { DROP_REASONS } from './tables/drop-reasons.js';
import { checkRouterCommand } from './process/router-command.js';
import { anyFrame, patternBytes } from './testing/frame-arbitraries.js';
import { buildRecord, VIRTIO_BYTES } from './testing/frame-builder.js';
import { awaitRecord, expectedFrames, framesOnTheWire, hex, NO_CONVEYOR, settle } from './testing/exchange.js';
import { TYPE_DATA } from '../common/wire/datagram-header.js';
import { encodeHeader, packRecords, sealUnit } from './testing/reference-wire.js';
import { podAddress, TestNode } from './testing/test-node.js';
import { WirePeer } from './testing/wire-peer.js';

const runs = (base: number): { numRuns: number } => ({ numRuns: fuzzRuns(base) });

let node: TestNode;
let peer: WirePeer;
let good: Uint8Array;
const pod = (number: number, family: '4' | '6' = '4'): Uint8Array => ipToBytes(podAddress(number, family));
const inwards = { source: pod(2), destination: pod(1) };
const outwards = { source: pod(1), destination: pod(2) };
const limits = { maxPayloadBytes: 2000, maxSuperBytes: 20_000 };

beforeAll(() => {
  node = new TestNode({ number: 1 });
  peer = new WirePeer(node, 2, 'chacha20-poly1305');
  node.route(peer);
  good = buildRecord({ ...fc.sample(anyFrame(inwards, limits), { seed: 7, numRuns: 1 })[0]!, fragment: 0 });
});
afterAll(() => {
  peer.close();
  node.close();
});

function step(): void {
  settle([node], NO_CONVEYOR, 0);
}

/** The node is as it was: it knows the same sessions, and a good unit passes. */
function expectUnharmed(): void {
  step();
  node.tap.receiveAll();
  peer.sendRecords([good]);
  const record = awaitRecord(node);
  expect(record).not.toBeNull();
  expect(hex(framesOnTheWire([record!]))).toEqual(hex(expectedFrames([good])));
  const { sessions, drops } = node.report();
  expect(sessions).toHaveLength(1);
  expect(Object.keys(drops).filter((reason) => !(DROP_REASONS as readonly string[]).includes(reason))).toEqual([]);
  node.events.length = 0;
  peer.socket.receiveAll();
}

function totalDrops(): number {
  return Object.values(node.drops()).reduce((sum, count) => sum + count, 0);
}

const byte = fc.nat(255);
const anyHeader = fc.record({
  type: fc.oneof(fc.constantFrom(5, 6, 7), byte),
  lane: fc.oneof(fc.constant(0), byte),
  fragment: fc.oneof(fc.nat(3), byte),
  fragments: fc.oneof(fc.integer({ min: 1, max: 4 }), byte),
  index: fc.oneof(fc.constantFrom(0x0dd00002, 0x0dd10002), fc.nat(2 ** 32 - 1)),
  unitBytes: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.nat(65535)),
  counter: fc.oneof(fc.nat(100), fc.nat(2 ** 31), fc.constantFrom(2 ** 32, 2 ** 47, 2 ** 48 - 1)),
});
const body = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.integer({ min: 0, max: 3000 }).map((length) => patternBytes(length, length)),
);
const datagram = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.tuple(anyHeader, body).map(([header, rest]) => Uint8Array.from([...encodeHeader(header), ...rest])),
);

describe('datagrams from unknown senders', () => {
  it('of any bytes are counted or go to the agent, and forwarding continues', () => {
    fc.assert(
      fc.property(fc.array(datagram, { minLength: 1, maxLength: 20 }), (datagrams) => {
        const before = totalDrops();
        peer.sendDatagrams(datagrams);
        step();
        const handed = node.events.filter(({ type }) => type === 'datagram').length;
        expect(node.tap.receiveAll()).toEqual([]);
        // A fragment of a unit that is not whole yet is neither: it waits in a place that others may take.
        expect(totalDrops() - before + handed).toBeLessThanOrEqual(2 * datagrams.length);
        expectUnharmed();
      }),
      runs(300),
    );
  });

  it('that are changed copies of good ones never deliver a changed frame', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
    const fragmentation = fc.constantFrom(400, 1236, undefined);
    fc.assert(
      fc.property(anyFrame(inwards, limits), edits, fragmentation, (spec, changes, fragmentBytes) => {
        const record = buildRecord(spec);
        const datagrams = peer.seal(packRecords([record]), fragmentBytes === undefined ? {} : { fragmentBytes });
        for (const [at, flip] of changes) {
          const target = datagrams[at % datagrams.length]!;
          target[(at >>> 4) % target.length]! ^= flip;
        }
        peer.sendDatagrams(datagrams);
        step();
        const delivered = hex(framesOnTheWire(node.tap.receiveAll()));
        // The type of all but the last fragment to come is of no consequence; flips may undo each other.
        expect([[], hex(expectedFrames([record]))]).toContainEqual(delivered);
        expectUnharmed();
      }),
      runs(150),
    );
  });

  it('that are cut short, lengthened or swapped are never accepted', () => {
    const kinds = fc.constantFrom('cut', 'longer', 'swapped', 'first twice', 'without the last');
    fc.assert(
      fc.property(anyFrame(inwards, limits), kinds, fc.integer({ min: 1, max: 40 }), (spec, kind, amount) => {
        const record = buildRecord({ ...spec, payload: patternBytes(3000, amount), gsoBytes: 1000 });
        const datagrams = peer.seal(packRecords([record]), { fragmentBytes: 800 });
        const last = datagrams.length - 1;
        if (kind === 'cut')
          datagrams[last] = datagrams[last]!.subarray(0, Math.max(0, datagrams[last]!.length - amount));
        if (kind === 'longer') datagrams[last] = Uint8Array.from([...datagrams[last]!, ...new Uint8Array(amount)]);
        if (kind === 'swapped') swapBodies(datagrams[0]!, datagrams[1]!);
        if (kind === 'first twice') datagrams[1] = datagrams[0]!;
        if (kind === 'without the last') datagrams.pop();
        peer.sendDatagrams(datagrams);
        step();
        expect(node.tap.receiveAll()).toEqual([]);
        expectUnharmed();
      }),
      runs(100),
    );
  });
});

function swapBodies(a: Uint8Array, b: Uint8Array): void {
  const body = a.slice(16);
  a.set(b.subarray(16), 16);
  b.set(body, 16);
}

describe('units of a hostile peer', () => {
  const hostilePlain = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(0xffffffff), body).map(([length, rest]) => {
      const plain = Buffer.concat([Buffer.alloc(4), rest]);
      plain.writeUInt32LE(length);
      return Uint8Array.from(plain);
    }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), byte), { maxLength: 6 }).map((edits) => {
      const plain = packRecords([good, good]);
      for (const [at, value] of edits) plain[at] = value;
      return plain;
    }),
  );

  it('of any type and plaintext are counted, and forwarding continues', () => {
    fc.assert(
      fc.property(
        hostilePlain,
        fc.constantFrom(5, 6, 7),
        fc.constantFrom(16, 100, undefined),
        (plain, type, fragmentBytes) => {
          peer.send(
            plain,
            fragmentBytes === undefined || plain.length > 60 * fragmentBytes ? { type } : { type, fragmentBytes },
          );
          step();
          expectUnharmed();
        },
      ),
      runs(400),
    );
  });

  it('never pass a virtio header that reaches outside its frame or into its addresses', () => {
    const header = fc.uint8Array({ minLength: VIRTIO_BYTES, maxLength: VIRTIO_BYTES });
    const plausible = fc.record({
      flags: fc.constantFrom(0, 1, 2, 3),
      type: fc.constantFrom(0, 1, 4, 5, 0x81),
      gsoBytes: fc.oneof(fc.nat(70), fc.nat(65535)),
      start: fc.oneof(fc.nat(80), fc.nat(65535)),
      offset: fc.oneof(fc.constantFrom(6, 16), fc.nat(65535)),
    });
    const either = fc.oneof(
      header,
      plausible.map(({ flags, type, gsoBytes, start, offset }) => {
        const bytes = Buffer.alloc(VIRTIO_BYTES);
        bytes.set([flags, type]);
        bytes.writeUInt16LE(gsoBytes, 4);
        bytes.writeUInt16LE(start, 6);
        bytes.writeUInt16LE(offset, 8);
        return Uint8Array.from(bytes);
      }),
    );
    fc.assert(
      fc.property(anyFrame(inwards, limits), either, (spec, virtio) => {
        const record = buildRecord(spec);
        record.set(virtio);
        peer.sendRecords([record]);
        step();
        for (const written of node.tap.receiveAll()) expectInRange(written);
        expectUnharmed();
      }),
      runs(400),
    );
  });

  it('cause a bounded number of events for the agent', () => {
    for (let i = 0; i < 50; i++)
      peer.sendDatagrams(sealUnit(peer.outgoing, 2 ** 40 + i, patternBytes(50, i), { type: 6 }));
    step();
    expect(node.events.filter(({ type }) => type === 'control')).toHaveLength(50);
    node.takesEvents = false;
    const drops = node.dropsDuring(() => {
      for (let i = 0; i < 50; i++) peer.send(patternBytes(50, i), { type: TYPE_DATA + 1 });
      step();
    });
    node.takesEvents = true;
    expect(drops['replayed'] ?? drops['controlCongested']).toBe(50);
    peer.install();
    node.events.length = 0;
  });
});

function expectInRange(record: Uint8Array): void {
  const frame = record.subarray(VIRTIO_BYTES);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  expect([0, 1]).toContain(record[0]);
  if (record[0] === 0) return expect(record[1]).toBe(0);
  const start = view.getUint16(6, true);
  expect(start).toBeGreaterThanOrEqual(34);
  expect(start + view.getUint16(8, true) + 2).toBeLessThanOrEqual(frame.length);
  if (record[1] !== 0) expect(view.getUint16(4, true)).toBeGreaterThanOrEqual(16);
}

describe('frames of pods', () => {
  it('of any bytes are counted, and forwarding continues', () => {
    const edits = fc.array(fc.tuple(fc.nat(120), byte), { maxLength: 8 });
    const frames = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.tuple(anyFrame(outwards, { maxPayloadBytes: 3000, maxSuperBytes: 61_000 }), edits).map(([spec, changes]) => {
        const record = buildRecord(spec);
        for (const [at, value] of changes) if (at < record.length) record[at] = value;
        return record;
      }),
    );
    fc.assert(
      fc.property(
        fc.array(frames, { minLength: 1, maxLength: 10 }),
        fc.constantFrom(576, 1500),
        (records, mtuBytes) => {
          node.command({ type: 'path', path: { peer: peer.id, endpoint: peer.socket.address, mtuBytes } });
          for (const record of records) {
            while (!node.tap.send(record)) node.turn();
            node.turn();
          }
          step();
          peer.units();
          expectUnharmed();
        },
      ),
      runs(200),
    );
  });
});

describe('garbage on the router port', () => {
  const id = fc.constantFrom('ab'.repeat(16), '02'.repeat(16), 'AB', '');
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom('10.1.0.0/16', 'fd00::/16', '0.0.0.0/0', 'x'),
    fc.string(),
  );
  const number = fc.oneof(fc.nat(), fc.nat(70_000), fc.constantFrom(-1, 0.5, NaN, 2 ** 32, 2 ** 53));
  const endpoint = fc.record({ ip: text, port: number });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new Uint8Array(32)),
    fc.constant(new Uint8Array(70_000)),
  );
  const command = fc.oneof(
    fc.anything({ maxDepth: 3 }),
    fc.record({
      type: fc.constantFrom('path', 'sendDatagram'),
      path: fc.record({ peer: id, endpoint, mtuBytes: number }),
      to: endpoint,
      bytes,
    }),
    fc.record({ type: fc.constantFrom('sendControl', 'removePeer'), peer: id, bytes }),
    fc.record({ type: fc.constantFrom('activateSession', 'removeSession'), localIndex: number }),
    fc.record({ type: fc.constant('probe'), peer: id, probeId: number, sizeBytes: number }),
    fc.record({
      type: fc.constant('installSession'),
      session: fc.record({
        peer: id,
        localIndex: number,
        remoteIndex: number,
        cipher: fc.constantFrom('aes-256-gcm', 'chacha20-poly1305', 'rot13'),
        sendKey: bytes,
        receiveKey: bytes,
      }),
    }),
    fc.record({
      type: fc.constant('tables'),
      tables: fc.record({
        generation: number,
        localCidrs: fc.array(text, { maxLength: 2 }),
        localAddresses: fc.array(text, { maxLength: 2 }),
        routes: fc.array(fc.record({ cidr: text, peer: id }), { maxLength: 2 }),
      }),
    }),
  );

  it('is refused with a DecodeError, or is a command that a thread survives', () => {
    const scratch = new TestNode({ number: 9 });
    let accepted = 0;
    fc.assert(
      fc.property(command, (value) => {
        const checked = decoded(() => checkRouterCommand(value));
        // A thread gets a change of tables in slices, after the main thread has checked it against its own, which takes `reportChanges`.
        if (checked === null || checked.type === 'tablesChange' || checked.type === 'reportChanges') return;
        scratch.command(checked);
        accepted++;
      }),
      runs(2000),
    );
    expect(accepted).toBeGreaterThan(20);
    expect(scratch.report().sessions.length).toBeLessThanOrEqual(accepted);
    scratch.close();
  });

  it('in the stream ends in a DecodeError, never in another error', () => {
    const message = encodeMessage({ type: 'removePeer', peer: 'ab'.repeat(16) });
    const edits = fc.array(fc.tuple(fc.nat(message.length - 1), byte), { minLength: 1, maxLength: 4 });
    const edited = edits.map((changes) => {
      const stream = Uint8Array.from(message);
      for (const [at, value] of changes) stream[at] = value;
      return stream;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), edited), (stream) => {
        decoded(() => new MessageDecoder(1 << 16).push(stream).map(checkRouterCommand));
      }),
      runs(1000),
    );
  });
});

/** The value, or null when it was refused in the one way it may be refused. */
function decoded<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(DecodeError);
    return null;
  }
}
