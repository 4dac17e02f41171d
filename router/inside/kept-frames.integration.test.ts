import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { UNHEARD_MS, WAIT_FOR_SESSION_MS, WAITING_BYTES_PER_PEER, WANTED_INTERVAL_MS } from '../limits.js';
import { DatagramSocket } from '../testing/datagram-socket.js';
import { endsOf, expectedFrames, framesOnTheWire, hex, settle } from '../testing/exchange.js';
import { anyFrame, patternBytes } from '../testing/frame-arbitraries.js';
import { buildRecord } from '../testing/frame-builder.js';
import { RelayTriangle } from '../testing/relay-triangle.js';
import { installSessions, link, TestNode } from '../testing/test-node.js';
import type { LinkKeys } from '../testing/test-node.js';

const QUIET_MS = 60_000;
const REPORT_PROBE = { type: 'probe', probeId: 7, sizeBytes: 128 } as const;

describe('frames on a link on which nothing was heard for a while', () => {
  let a: TestNode;
  let b: TestNode;
  /** Where the peer was, and answers no more. */
  let former: DatagramSocket;
  let keys: LinkKeys;
  beforeEach(() => {
    a = new TestNode({ number: 1 });
    b = new TestNode({ number: 2 });
    former = new DatagramSocket();
    keys = link(a, b);
    pass(QUIET_MS);
  });
  afterEach(() => {
    a.close();
    b.close();
    former.close();
  });

  const pass = (ms: number) => [a, b].forEach((node) => (node.nowMs += ms));
  const records = (count: number, maxSuperBytes = 2000) =>
    fc
      .sample(anyFrame(endsOf(a, b, '4'), { maxPayloadBytes: 1000, maxSuperBytes }), { seed: 9, numRuns: count })
      .map(buildRecord);
  const plainRecord = (payloadBytes: number) => {
    const [drawn] = fc.sample(anyFrame(endsOf(a, b, '4'), { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const plain = { ipOptionBytes: 0, fragment: 0, offload: 'none' as const, transport: { kind: 'udp' as const } };
    return buildRecord({ ...drawn!, ...plain, payload: patternBytes(payloadBytes, 1) });
  };
  const wanted = () => a.events.filter(({ type }) => type === 'sessionWanted').length;
  const send = (all: readonly Uint8Array[]) => {
    all.forEach((record) => a.tap.send(record));
    settle([a, b]);
  };
  const delivered = () => hex(framesOnTheWire(b.tap.receiveAll()));
  const use = (endpoint: SocketAddress) => a.command({ type: 'path', path: { peer: b.id, endpoint, mtuBytes: 1500 } });
  const probeFromB = () => {
    b.command({ ...REPORT_PROBE, peer: a.id });
    settle([a, b]);
  };

  it('leave at once, and the peer is asked: it answers, and nothing is kept', () => {
    const sent = records(20);
    send(sent);
    expect(delivered()).toEqual(hex(expectedFrames(sent)));
    expect(wanted()).toBe(1);
    expect(a.events.filter(({ type }) => type === 'probeAnswer')).toEqual([]);
    use(former.address);
    use(b.address);
    settle([a, b]);
    expect(delivered()).toEqual([]);
    expect(a.dropsDuring(() => pass(WAIT_FOR_SESSION_MS))).toEqual({});
  });

  it.each([
    { ms: UNHEARD_MS - 1, asked: 0 },
    { ms: UNHEARD_MS, asked: 1 },
  ])('ask a peer that was heard $ms ms ago $asked times', ({ ms, asked }) => {
    probeFromB();
    pass(ms);
    send(records(20));
    expect(wanted()).toBe(asked);
  });

  it('leave again in order, once, when the peer is heard at another address', () => {
    use(former.address);
    const sent = records(20);
    send(sent);
    expect(delivered()).toEqual([]);
    probeFromB();
    expect(delivered()).toEqual(hex(expectedFrames(sent)));
    use(former.address);
    use(b.address);
    settle([a, b]);
    expect(delivered()).toEqual([]);
  });

  it('leave again when the agent finds another path, and end when the peer answers there', () => {
    use(former.address);
    const sent = records(5);
    send(sent);
    use(b.address);
    settle([a, b]);
    expect(delivered()).toEqual(hex(expectedFrames(sent)));
    use(former.address);
    use(b.address);
    settle([a, b]);
    expect(delivered()).toEqual([]);
  });

  it('leave again in the session that follows when the peer has lost the one before', () => {
    b.command({ type: 'removeSession', localIndex: keys.indexB });
    const sent = records(5);
    send(sent);
    const next = installSessions(a, b, { epoch: 1 });
    b.command({ type: 'activateSession', localIndex: next.indexB });
    // The peer uses the session before this node does.
    probeFromB();
    expect(delivered()).toEqual([]);
    a.command({ type: 'activateSession', localIndex: next.indexA });
    settle([a, b]);
    expect(delivered()).toEqual(hex(expectedFrames(sent)));
  });

  it('leave again when path and session are others, whichever is so first', () => {
    use(former.address);
    b.command({ type: 'removeSession', localIndex: keys.indexB });
    const sent = records(5);
    send(sent);
    use(b.address);
    settle([a, b]);
    const next = installSessions(a, b, { epoch: 1 });
    a.command({ type: 'activateSession', localIndex: next.indexA });
    settle([a, b]);
    expect(delivered()).toEqual(hex(expectedFrames(sent)));
  });

  it('are told to their senders as unreachable after 3 s in which nothing was heard', () => {
    use(former.address);
    send([1, 2, 3].map(plainRecord));
    const drops = a.dropsDuring(() => {
      pass(WAIT_FOR_SESSION_MS);
      settle([a, b]);
    });
    expect(drops).toEqual({ notHeard: 3 });
    expect(a.tap.receiveAll()).toHaveLength(3);
  });

  it('are not told as unreachable when something was heard meanwhile', () => {
    use(former.address);
    send(records(3, 1));
    a.command({ type: 'heard', peer: b.id });
    const drops = a.dropsDuring(() => {
      pass(WAIT_FOR_SESSION_MS);
      settle([a, b]);
    });
    expect(drops).toEqual({});
    expect(a.tap.receiveAll()).toEqual([]);
  });

  it('ask once a second while none is answered', () => {
    use(former.address);
    for (const ms of [0, WANTED_INTERVAL_MS - 1, 1]) {
      pass(ms);
      send(records(2));
    }
    expect(wanted()).toBe(2);
  });

  it('leave without a copy beyond 64 KiB', () => {
    const record = plainRecord(1000);
    use(former.address);
    const count = Math.ceil(WAITING_BYTES_PER_PEER / 1000) + 20;
    for (let i = 0; i < count; i++) send([record]);
    expect(a.report().peers.find(({ peer }) => peer === b.id)?.txFrames).toBe(count);
    probeFromB();
    const frames = delivered();
    expect(frames.length).toBeGreaterThan(count - 40);
    expect(frames.length).toBeLessThan(count - 20);
  });

  it('end with a peer that is removed', () => {
    use(former.address);
    send(records(3));
    a.command({ type: 'removePeer', peer: b.id });
    keys = link(a, b, { epoch: 1 });
    settle([a, b]);
    expect(delivered()).toEqual([]);
    expect(a.dropsDuring(() => pass(WAIT_FOR_SESSION_MS))).toEqual({});
  });
});

describe('frames to a peer that is heard only another way than they take', () => {
  it('are kept, and leave again when this node takes that way too', () => {
    const triangle = new RelayTriangle();
    const { a, b, relay, channels } = triangle;
    // The other end has found the relay, and this one has not been told.
    triangle.setPath(b, a, null);
    for (const node of triangle.nodes) node.nowMs = QUIET_MS;
    const [there, back] = [endsOf(a, b, '4'), endsOf(b, a, '4')].map((ends) =>
      buildRecord(fc.sample(anyFrame(ends, { maxPayloadBytes: 100, maxSuperBytes: 1 }), 1)[0]!),
    );
    a.tap.send(there!);
    settle(triangle.nodes);
    expect(b.tap.receiveAll()).toHaveLength(1);
    b.tap.send(back!);
    settle(triangle.nodes);
    expect(a.tap.receiveAll()).toEqual([]);
    triangle.setPath(b, a, { peer: relay.id, channel: channels.b.toRelay });
    settle(triangle.nodes);
    expect(hex(framesOnTheWire(a.tap.receiveAll()))).toEqual(hex(expectedFrames([back!])));
    triangle.close();
  });
});

describe('a thread whose peer answers another one', () => {
  it('tells the others that the peer has answered', () => {
    const a = new TestNode({ number: 1, lanes: 2 });
    const b = new TestNode({ number: 2 });
    link(a, b);
    a.nowMs = b.nowMs = QUIET_MS;
    const [record] = fc.sample(anyFrame(endsOf(a, b, '4'), { maxPayloadBytes: 100, maxSuperBytes: 1 }), 1);
    a.tap.send(buildRecord(record!));
    settle([a, b]);
    expect(a.events).toContainEqual({ type: 'heard', peer: b.id });
    a.close();
    b.close();
  });
});
