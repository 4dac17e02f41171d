import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TYPE_CONTROL, TYPE_DATA, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { EARLY_BYTES, EARLY_MS, EXPIRE_INTERVAL_MS, MAX_EARLY_DATAGRAMS_PER_SESSION } from '../limits.js';
import { DatagramSocket } from '../testing/datagram-socket.js';
import { endsOf, expectedFrames, framesOnTheWire, hex, settle } from '../testing/exchange.js';
import { anyFrame, patternBytes } from '../testing/frame-arbitraries.js';
import type { FrameSpec } from '../testing/frame-builder.js';
import { buildRecord, bytesOf } from '../testing/frame-builder.js';
import { encodeHeader } from '../testing/reference-wire.js';
import { RelayTriangle } from '../testing/relay-triangle.js';
import { installSessions, link, TestNode } from '../testing/test-node.js';
import type { LinkKeys } from '../testing/test-node.js';

/** What {@link installSessions} gives with this epoch, before it does so. */
const EPOCH = 1;

/** A stranger that sees the session index. */
class Forger {
  readonly #socket = new DatagramSocket();

  constructor(private readonly node: TestNode) {}

  send(datagram: Uint8Array): void {
    this.#socket.send(this.node.address, datagram);
    settle([this.node], undefined, 1);
  }

  close(): void {
    this.#socket.close();
  }
}

/** Data datagrams with this index, of so many bytes behind the header. */
function forgeries(index: number, count: number, bytes: number): Uint8Array[] {
  const fields = { type: TYPE_DATA, lane: 0, fragment: 0, fragments: 1, index, unitBytes: bytes };
  return Array.from({ length: count }, (_, i) =>
    bytesOf(encodeHeader({ ...fields, counter: 1000 + i }), patternBytes(bytes, i)),
  );
}

/** A plain UDP frame between two nodes. */
function udp(from: TestNode, to: TestNode, payloadBytes: number, seed: number): FrameSpec {
  const [drawn] = fc.sample(anyFrame(endsOf(from, to, '4'), { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
  const plain = { ...drawn!, ipOptionBytes: 0, fragment: 0, trafficClass: 0, offload: 'none' as const };
  return { ...plain, transport: { kind: 'udp' }, payload: patternBytes(payloadBytes, seed) };
}

describe('datagrams before the keys of their session', () => {
  let a: TestNode;
  let b: TestNode;
  let old: LinkKeys;
  /** Of the next session, as `b` chose it. */
  let index: number;

  beforeEach(() => {
    a = new TestNode({ number: 1 });
    b = new TestNode({ number: 2 });
    old = link(a, b);
    const probe = [new TestNode({ number: 1 }), new TestNode({ number: 2 })] as const;
    index = installSessions(...probe, { epoch: EPOCH }).indexB;
    probe.forEach((node) => node.close());
  });
  afterEach(() => [a, b].forEach((node) => node.close()));

  const frames = (count: number, payloadBytes = 100): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => buildRecord(udp(a, b, payloadBytes, i)));

  /** `a` has the next session and seals with it, `b` has not. */
  function activateAtA(): LinkKeys {
    b.command({ type: 'removeSession', localIndex: old.indexB });
    const other = new TestNode({ number: 2 });
    const keys = installSessions(a, other, { epoch: EPOCH });
    other.close();
    a.command({ type: 'activateSession', localIndex: keys.indexA });
    return keys;
  }

  function send(records: readonly Uint8Array[]): void {
    for (const record of records) {
      a.tap.send(record);
      settle([a, b]);
    }
  }

  function installAtB({ cipher, keyAB, keyBA, indexA, indexB }: LinkKeys): void {
    const keys = { cipher, sendKey: keyBA, receiveKey: keyAB };
    b.command({ type: 'installSession', session: { peer: a.id, localIndex: indexB, remoteIndex: indexA, ...keys } });
  }

  const delivered = (): string[] => hex(framesOnTheWire(b.tap.receiveAll()));

  it('wait when the index was announced, and are delivered in order when the session is installed', () => {
    const keys = activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    const limits = { maxPayloadBytes: 1400, maxSuperBytes: 9_000 };
    const mixed = fc.sample(anyFrame(endsOf(a, b, '4'), limits), 6).map(buildRecord);
    send(mixed);
    expect(b.tap.receiveAll()).toEqual([]);
    expect(b.events.filter(({ type }) => type === 'sessionConfirmed')).toEqual([]);
    installAtB(keys);
    expect(delivered()).toEqual(hex(expectedFrames(mixed)));
    expect(b.events).toContainEqual({ type: 'sessionConfirmed', peer: a.id, localIndex: index });
    // Those behind them follow.
    const later = frames(3);
    send(later);
    expect(delivered()).toEqual(hex(expectedFrames(later)));
    expect(b.drops()).toEqual({});
  });

  it('are not looked for when a session is refused, as one beyond the last slot is', () => {
    const keys = activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    send(frames(1));
    installAtB({ ...keys, indexB: 0xffff });
    expect(delivered()).toEqual([]);
    installAtB(keys);
    expect(delivered()).toHaveLength(1);
  });

  it('are dropped when the index was not announced, or no more', () => {
    activateAtA();
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({ unknownSession: 1 });
    b.command({ type: 'expectSession', localIndex: index ^ 0x10000 });
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({ unknownSession: 1 });
    b.command({ type: 'expectSession', localIndex: index });
    b.nowMs += EARLY_MS;
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({ unknownSession: 1 });
    // Announced again, as with a response that is sent again.
    b.command({ type: 'expectSession', localIndex: index });
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({});
  });

  it('are never delivered when the session does not come in time, also if it comes later', () => {
    const keys = activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    send(frames(2));
    b.nowMs += EARLY_MS;
    expect(b.dropsDuring(() => installAtB(keys))).toEqual({ earlyExpired: 2 });
    expect(delivered()).toEqual([]);
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({});
    expect(delivered()).toHaveLength(1);
  });

  it('are dropped by the timer of an idle thread, and when the agent says that no session comes', () => {
    activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    send(frames(1));
    const wait = () => {
      b.nowMs += EXPIRE_INTERVAL_MS;
      b.turn();
    };
    expect(b.dropsDuring(wait)).toEqual({ earlyExpired: 1 });
    b.command({ type: 'expectSession', localIndex: index });
    send(frames(1));
    expect(b.dropsDuring(() => b.command({ type: 'removeSession', localIndex: index }))).toEqual({ earlyExpired: 1 });
    expect(b.dropsDuring(() => send(frames(1)))).toEqual({ unknownSession: 1 });
  });

  it('make way for those of the next session in the same slot', () => {
    activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    send(frames(1));
    const announce = () => b.command({ type: 'expectSession', localIndex: index ^ 0x20000 });
    expect(b.dropsDuring(announce)).toEqual({ earlyExpired: 1 });
  });

  it('are so many for a session, and so many bytes for all, and the first ones stay', () => {
    const keys = activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    const many = frames(MAX_EARLY_DATAGRAMS_PER_SESSION + 3);
    expect(b.dropsDuring(() => send(many))).toEqual({ earlyFull: 3 });
    installAtB(keys);
    expect(delivered()).toEqual(hex(expectedFrames(many.slice(0, MAX_EARLY_DATAGRAMS_PER_SESSION))));
  });

  it('that are forged do not open, and displace no more than those of their index', () => {
    const keys = activateAtA();
    b.command({ type: 'expectSession', localIndex: index });
    const [forged] = forgeries(index, 1, 60);
    const socket = new Forger(b);
    socket.send(forged!);
    send(frames(2));
    socket.send(forged!);
    expect(b.dropsDuring(() => installAtB(keys))).toEqual({ badTag: 2 });
    expect(delivered()).toHaveLength(2);
    // Where they came from is nobody's address.
    expect(b.events.filter(({ type }) => type === 'roamed')).toEqual([]);
    socket.close();
  });

  it('of many announced indices stay within the bytes of all', () => {
    const socket = new Forger(b);
    const indices = Array.from({ length: 20 }, (_, i) => 0x0fff0000 + 0x1000 + i);
    const drops = b.dropsDuring(() => {
      for (const localIndex of indices) {
        b.command({ type: 'expectSession', localIndex });
        for (const datagram of forgeries(localIndex, MAX_EARLY_DATAGRAMS_PER_SESSION, 1100)) socket.send(datagram);
      }
    });
    const kept = indices.length * MAX_EARLY_DATAGRAMS_PER_SESSION - drops['earlyFull']!;
    expect(drops).toEqual({ earlyFull: drops['earlyFull'] });
    expect(kept * 1100).toBeLessThan(EARLY_BYTES);
    expect(kept * 1200).toBeGreaterThan(EARLY_BYTES - 64 * 1200);
    // All room is free again when they have waited in vain.
    b.nowMs += EXPIRE_INTERVAL_MS;
    expect(b.dropsDuring(() => undefined)).toEqual({ earlyExpired: kept });
    b.command({ type: 'expectSession', localIndex: indices[0]! });
    expect(b.dropsDuring(() => socket.send(forgeries(indices[0]!, 1, 1100)[0]!))).toEqual({});
    socket.close();
  });

  it('are data only: others are dropped as before', () => {
    b.command({ type: 'expectSession', localIndex: index });
    const socket = new Forger(b);
    for (const type of [TYPE_CONTROL, TYPE_PROBE]) {
      const datagram = forgeries(index, 1, 60)[0]!;
      datagram[0] = type;
      expect(b.dropsDuring(() => socket.send(datagram))).toEqual({ unknownSession: 1 });
    }
    socket.close();
  });

  it('are opened for nobody when the slot of the index is none of the table', () => {
    const socket = new Forger(b);
    for (const localIndex of [0x00010000, 0x0000ffff]) {
      b.command({ type: 'expectSession', localIndex });
      expect(b.dropsDuring(() => socket.send(forgeries(localIndex, 1, 60)[0]!))).toEqual({ unknownSession: 1 });
    }
    socket.close();
  });
});

describe('a session that is active before its peer has confirmed it', () => {
  it('seals no more once it is deactivated, opens all the same, and goes on with the next counter', () => {
    const [a, b] = [new TestNode({ number: 1 }), new TestNode({ number: 2 })];
    const { indexA } = link(a, b);
    const record = (from: TestNode, to: TestNode) => buildRecord(udp(from, to, 50, 1));
    const pass = (from: TestNode, to: TestNode): number => {
      from.tap.send(record(from, to));
      settle([a, b]);
      return to.tap.receiveAll().length;
    };
    expect(pass(a, b)).toBe(1);
    a.command({ type: 'deactivateSession', localIndex: indexA });
    expect(pass(a, b)).toBe(0);
    expect(pass(b, a)).toBe(1);
    expect(a.events).toContainEqual({ type: 'sessionWanted', peer: b.id });
    a.command({ type: 'activateSession', localIndex: indexA });
    settle([a, b]);
    expect(b.tap.receiveAll()).toHaveLength(1);
    expect(b.drops()).toEqual({});
    [a, b].forEach((node) => node.close());
  });
});

describe('early datagrams through a relay', () => {
  it('wait with what came in their envelopes, and their relay is not taken for the peer', () => {
    const triangle = new RelayTriangle();
    const { a, b, nodes } = triangle;
    const other = new TestNode({ number: 2 });
    const keys = installSessions(a, other, { epoch: EPOCH });
    other.close();
    b.command({ type: 'expectSession', localIndex: keys.indexB });
    a.command({ type: 'activateSession', localIndex: keys.indexA });
    a.tap.send(buildRecord(udp(a, b, 300, 1)));
    settle(nodes);
    expect(b.tap.receiveAll()).toEqual([]);
    b.events.length = 0;
    const session = { peer: a.id, localIndex: keys.indexB, remoteIndex: keys.indexA, cipher: keys.cipher };
    b.command({ type: 'installSession', session: { ...session, sendKey: keys.keyBA, receiveKey: keys.keyAB } });
    expect(b.tap.receiveAll()).toHaveLength(1);
    expect(b.events.map(({ type }) => type)).toEqual(['sessionConfirmed']);
    expect(b.drops()).toEqual({});
    triangle.close();
  });
});
