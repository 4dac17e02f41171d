/** Local addresses that datagrams of a node with several addresses leave from: what forged datagrams can change of them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { IpAddress } from '../common/address/ip-address.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import { parseSocketAddress } from '../common/address/socket-address.js';
import { TYPE_CONTROL, TYPE_INITIATION, TYPE_RESPONSE } from '../common/wire/datagram-header.js';
import { settle } from './testing/exchange.js';
import { PATIENCE_MS } from './testing/datagram-socket.js';
import { sealUnit } from './testing/reference-wire.js';
import { baseKeyOf, nodeIdOf, TestNode } from './testing/test-node.js';

/** Of the node; all of 127.0.0.0/8 are. The route says the first. */
const [FIRST, SECOND, THIRD] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;
const PEER = nodeIdOf(2);
/** A member that lies. */
const LIAR = nodeIdOf(3);
const MTU_BYTES = 1500;

const handshake = (type: number) => new Uint8Array(100).fill(type, 0, 1);
/** The session index that the node chose, of a peer with this number. */
const indexOf = (number: number) => 0x0dd00000 + number;

let node: TestNode;
/** The peer's socket, at one address: forged datagrams of others come from it too. */
const socket = createSocket('udp4');
const sources: string[] = [];
const counters = new Map<number, number>();

beforeAll(async () => {
  node = new TestNode({ number: 1, address: '::' });
  socket.on('message', (_, { address }) => sources.push(address));
  socket.bind(0, FIRST);
  await once(socket, 'listening');
});
afterAll(() => {
  node.close();
  socket.close();
});
beforeEach(() => {
  for (const peer of [PEER, LIAR]) node.command({ type: 'removePeer', peer });
  node.events.length = 0;
});

const endpoint = () => parseSocketAddress(FIRST, socket.address().port);

/** A datagram from the peer's address comes to this address of the node. */
async function call(local: string, bytes: Uint8Array): Promise<void> {
  await new Promise((resolve) => socket.send(bytes, node.address.port, local, resolve));
  node.waitForDatagram(PATIENCE_MS);
  settle([node]);
}

/** Where the next datagram that reaches the peer comes from. */
async function sourceOf(send: () => void, at = socket): Promise<string> {
  sources.length = 0;
  send();
  while (sources.length === 0) await once(at, 'message');
  return sources[0]!;
}

function openSession(number: number, local: IpAddress | null = null): void {
  const peer = nodeIdOf(number);
  node.command({ type: 'path', path: { peer, endpoint: endpoint(), mtuBytes: MTU_BYTES, local } });
  const session = { peer, localIndex: indexOf(number), remoteIndex: 0x0cc00000 + number };
  const keys = { sendKey: baseKeyOf(1, number), receiveKey: baseKeyOf(number, 1) };
  node.command({ type: 'installSession', session: { ...session, ...keys, cipher: 'aes-256-gcm' } });
  node.command({ type: 'activateSession', localIndex: session.localIndex });
}

/** A sealed unit of the node with this number comes to this address. */
async function seal(number: number, local: string): Promise<void> {
  const key = { cipher: 'aes-256-gcm' as const, baseKey: baseKeyOf(number, 1), index: indexOf(number) };
  const counter = counters.get(number) ?? 0;
  counters.set(number, counter + 1);
  for (const datagram of sealUnit(key, counter, new Uint8Array(40), { type: TYPE_CONTROL }))
    await call(local, datagram);
}

const unit = () => node.command({ type: 'sendControl', peer: PEER, bytes: new Uint8Array(40) });
const initiation = () =>
  node.command({ type: 'sendDatagram', to: endpoint(), bytes: handshake(TYPE_INITIATION), peer: PEER });
const answer = (local: IpAddress) =>
  node.command({ type: 'sendDatagram', to: endpoint(), bytes: handshake(TYPE_RESPONSE), local });
const answerOfOlderAgent = () =>
  node.command({ type: 'sendDatagram', to: endpoint(), bytes: handshake(TYPE_RESPONSE) });

describe('a handshake datagram that answers another', () => {
  it('leaves from where that came to, whatever came meanwhile', async () => {
    await call(SECOND, handshake(TYPE_INITIATION));
    await call(THIRD, handshake(TYPE_INITIATION));
    const called = node.events.map((event) => (event.type === 'datagram' ? event.local : null));
    expect(called).toEqual([SECOND, THIRD]);
    expect(await sourceOf(() => answer(called[0]!))).toBe(SECOND);
    expect(await sourceOf(() => answer(called[1]!))).toBe(THIRD);
  });

  it('leaves from the address that the route says when that one is gone, or is of another family', async () => {
    for (const gone of ['192.0.2.77', '2001:db8::77'])
      expect(await sourceOf(() => answer(parseIpAddress(gone)))).toBe(FIRST);
    expect(node.drops()).not.toHaveProperty('sendFailed');
  });

  it('leaves from the address that the route says when the agent is of an older version', async () => {
    await call(SECOND, handshake(TYPE_INITIATION));
    expect(await sourceOf(answerOfOlderAgent)).toBe(FIRST);
  });
});

describe('what is sent to a peer', () => {
  it('leaves from the address that its handshake called, and then from that which its units call', async () => {
    openSession(2, parseIpAddress(SECOND));
    expect(await sourceOf(unit)).toBe(SECOND);
    expect(await sourceOf(initiation)).toBe(SECOND);
    await seal(2, THIRD);
    expect(await sourceOf(unit)).toBe(THIRD);
    expect(await sourceOf(initiation)).toBe(THIRD);
  });

  it('leaves from there also after the next agent or router has read the paths', async () => {
    openSession(2);
    await seal(2, SECOND);
    const { paths } = node.report();
    expect(paths).toMatchObject([{ peer: PEER, local: SECOND }]);
    node.command({ type: 'path', path: { ...paths[0]!, local: null } });
    expect(await sourceOf(unit)).toBe(SECOND);
    node.command({ type: 'removePeer', peer: PEER });
    openSession(2);
    node.command({ type: 'path', path: paths[0]! });
    expect(await sourceOf(unit)).toBe(SECOND);
  });

  it('leaves from nowhere else after forged handshake datagrams', async () => {
    await call(SECOND, handshake(TYPE_INITIATION));
    openSession(2);
    expect(await sourceOf(unit)).toBe(FIRST);
    await call(SECOND, handshake(TYPE_INITIATION));
    await call(SECOND, handshake(TYPE_RESPONSE));
    for (let i = 0; i < 2; i++) expect(await sourceOf(initiation)).toBe(FIRST);
    expect(await sourceOf(unit)).toBe(FIRST);
  });

  it('leaves from nowhere else when another member says that it is at the same address', async () => {
    openSession(2);
    openSession(3);
    await seal(3, SECOND);
    for (let i = 0; i < 2; i++) expect(await sourceOf(initiation)).toBe(FIRST);
    expect(await sourceOf(unit)).toBe(FIRST);
  });
});

describe('an address that nothing can leave from towards an IPv6 peer', () => {
  const socket6 = createSocket('udp6');
  beforeAll(async () => {
    socket6.on('message', (_, { address }) => sources.push(address));
    socket6.bind(0, '::1');
    await once(socket6, 'listening');
  });
  afterAll(() => {
    socket6.close();
  });

  it.each([
    ['is of no interface', '2001:db8::77'],
    ['is of a link', 'fe80::77'],
    ['is of a group', 'ff02::1'],
    ['is an IPv4 address', SECOND],
    ['is no address', '::'],
  ])('%s: answers and units leave by the route', async (_, text) => {
    const to = parseSocketAddress('::1', socket6.address().port);
    const local = parseIpAddress(text);
    openSession(2);
    node.command({ type: 'path', path: { peer: PEER, endpoint: to, mtuBytes: MTU_BYTES, local } });
    const bytes = handshake(TYPE_RESPONSE);
    for (const send of [() => node.command({ type: 'sendDatagram', to, bytes, local }), unit])
      expect(await sourceOf(send, socket6)).toBe('::1');
    expect(node.drops()).not.toHaveProperty('sendFailed');
  });
});

describe('a handshake datagram through a relay', () => {
  const channel = { channel: 5, token: new Uint8Array(8) };
  const through = () =>
    node.command({
      type: 'sendDatagram',
      to: endpoint(),
      bytes: handshake(TYPE_INITIATION),
      relay: { peer: PEER, channel },
    });

  it('leaves from the address that the relay calls, or when that is gone, from the one that the route says', async () => {
    openSession(2, parseIpAddress(SECOND));
    expect(await sourceOf(through)).toBe(SECOND);
    for (const gone of ['192.0.2.77', '2001:db8::77']) {
      openSession(2, parseIpAddress(gone));
      expect(await sourceOf(through)).toBe(FIRST);
    }
    expect(node.drops()).not.toHaveProperty('sendFailed');
  });
});

describe('an initiation', () => {
  it('to another address of the peer leaves from the address that the route says', async () => {
    const path = { peer: PEER, endpoint: parseSocketAddress(THIRD, 9), mtuBytes: MTU_BYTES };
    node.command({ type: 'path', path: { ...path, local: parseIpAddress(SECOND) } });
    expect(await sourceOf(initiation)).toBe(FIRST);
  });
});

describe('a refusal of the kernel that has nothing to do with the address that units leave from', () => {
  it('does not make the node forget that address', () => {
    openSession(2);
    // The kernel refuses the port with the same number as an address that is gone.
    const path = { peer: PEER, endpoint: { ...endpoint(), port: 0 }, mtuBytes: MTU_BYTES };
    node.command({ type: 'path', path: { ...path, local: parseIpAddress(SECOND) } });
    unit();
    expect(node.drops()).toHaveProperty('sendFailed');
    expect(node.report().paths).toMatchObject([{ peer: PEER, local: SECOND }]);
  });

  it('makes it forget one that is gone', async () => {
    openSession(2, parseIpAddress('192.0.2.77'));
    expect(await sourceOf(unit)).toBe(FIRST);
    expect(node.report().paths).toMatchObject([{ peer: PEER, local: null }]);
  });
});
