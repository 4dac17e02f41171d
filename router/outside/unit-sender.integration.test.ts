import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import type { NodeId } from '../../common/node-id.js';
import type { CipherName } from '../../common/router-port.js';
import { measureAeadEngines } from '../aead/selection.js';
import { Arena } from '../kernel/arena.js';
import { Counters } from '../tables/counters.js';
import { MAX_UNIT_BYTES, REFUSE_AFTER_UNITS } from '../../common/protocol.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { DROP } from '../tables/drop-reasons.js';
import { UNIT_SLOTS } from '../limits.js';
import { sysClose, sysSocket } from '../kernel/ffi.js';
import { AF_INET6, O_NONBLOCK, SOCK_DGRAM } from '../kernel/linux-abi.js';
import { Peers } from '../tables/peers.js';
import { Sessions } from '../tables/sessions.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { DatagramSocket, LOOPBACK } from '../testing/datagram-socket.js';
import { patternBytes } from '../testing/frame-arbitraries.js';
import {
  DATAGRAM_HEADER_BYTES,
  readHeader,
  TYPE_CONTROL,
  TYPE_DATA,
  TYPE_PROBE,
} from '../../common/wire/datagram-header.js';
import { openUnits, sealUnit } from '../testing/reference-wire.js';
import { UnitSender } from './unit-sender.js';

const LANE = 3;
const LOCAL_INDEX = 0x12340001;
const REMOTE_INDEX = 0xcafe0102;
const baseKey = Uint8Array.from({ length: 32 }, (_, i) => i);
const peerId = '01'.repeat(16) as NodeId;

const far = new DatagramSocket();
const near = new DatagramSocket();
const arena = new Arena(64 << 20);
const engine = measureAeadEngines(arena)[0].engine;
const counters = new Counters();
const peers = new Peers(arena, AF_INET6);
const sessions = new Sessions(engine, peers, LANE);
const withGso = new UnitSender(arena, near.fd, peers, sessions, counters, true);
const withoutGso = new UnitSender(arena, near.fd, peers, sessions, counters, false);
const peer = peers.indexOf(peerId);
afterAll(() => {
  far.close();
  near.close();
});

/** A fresh session: counters begin at 0. */
function rekey(cipher: CipherName): { cipher: CipherName; baseKey: Uint8Array; index: number } {
  const keys = { peer: peerId, localIndex: LOCAL_INDEX, remoteIndex: REMOTE_INDEX, cipher };
  sessions.install({ ...keys, sendKey: baseKey, receiveKey: new Uint8Array(32) }, 0);
  sessions.activate(LOCAL_INDEX);
  return { cipher, baseKey, index: REMOTE_INDEX };
}

beforeEach(() => {
  counters.drops.fill(0);
  peers.setPath(peer, far.address, 1500);
  peers.setFragmentBudget(peer, 64);
});

function queue(sender: UnitSender, plain: Uint8Array, type = TYPE_DATA): boolean {
  const slot = sender.take(peer);
  arena.u8.set(plain, sender.unitAt(slot));
  return sender.close(slot, plain.length, type);
}

function arrived(count: number): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  while (datagrams.length < count && far.wait()) datagrams.push(...far.receiveAll());
  return datagrams;
}

describe('the local address that datagrams leave from', () => {
  const receiver = createSocket('udp4');
  const mapped = (...bytes: number[]) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes);

  beforeAll(async () => {
    receiver.bind(0, LOOPBACK);
    await once(receiver, 'listening');
  });
  afterAll(() => void receiver.close());

  /** Source addresses of the datagrams of these units. */
  async function sources(sender: UnitSender, datagrams: number, ...lengths: number[]): Promise<string[]> {
    rekey('aes-256-gcm');
    peers.setPath(peer, parseSocketAddress(LOOPBACK, receiver.address().port), 1500);
    const seen: string[] = [];
    const all = new Promise<void>((resolve) =>
      receiver.on('message', (_, { address }) => seen.push(address) === datagrams && resolve()),
    );
    for (const length of lengths) queue(sender, patternBytes(length, 1));
    sender.flush();
    await all;
    receiver.removeAllListeners('message');
    return seen;
  }

  it.each([
    ['with', withGso],
    ['without', withoutGso],
  ])('is the one that the peer calls, %s UDP GSO', async (_, sender) => {
    await sources(sender, 1, 10);
    peers.setLocal(peer, mapped(127, 0, 0, 5));
    expect(await sources(sender, 2, 100, 200)).toEqual(['127.0.0.5', '127.0.0.5']);
    expect(new Set(await sources(sender, 4, 5000))).toEqual(new Set(['127.0.0.5']));
  });

  it('is the one of the route when the called one is gone, and nothing is lost', async () => {
    await sources(withGso, 1, 10);
    peers.setLocal(peer, mapped(192, 0, 2, 77));
    expect(await sources(withGso, 2, 100, 200)).toEqual([LOOPBACK, LOOPBACK]);
    expect(peers.localAt(peer)).toBe(0);
    expect(counters.drops[DROP.sendFailed]).toBe(0);
  });

  it('is forgotten when the peer moves', async () => {
    await sources(withGso, 1, 10);
    peers.setLocal(peer, mapped(127, 0, 0, 5));
    peers.setPath(peer, far.address, 1500);
    expect(peers.localAt(peer)).toBe(0);
  });
});

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a unit on the wire', () => {
  it('has the header that docs/wire.md draws, in each of its datagrams', () => {
    rekey('aes-256-gcm');
    queue(withGso, patternBytes(3000, 1), TYPE_CONTROL);
    withGso.flush();
    const headers = arrived(3).map((datagram) => hexOf(datagram.subarray(0, DATAGRAM_HEADER_BYTES)));
    // type, lane, fragment, fragments | index | unit length 3016 | counter
    expect(headers).toEqual([
      '06030003cafe01020bc8000000000000',
      '06030103cafe01020bc8000000000000',
      '06030203cafe01020bc8000000000000',
    ]);
  });

  it('has these bytes (golden vector)', () => {
    rekey('chacha20-poly1305');
    queue(withGso, Uint8Array.from(Buffer.from('heddle')));
    rekey('aes-256-gcm');
    queue(withGso, Uint8Array.from(Buffer.from('heddle')));
    withGso.flush();
    expect(arrived(2).map(hexOf)).toMatchInlineSnapshot(`
     [
       "05030001cafe010200160000000000002e80b8437ec81eaef283026f19ba818692f374864c6b",
       "05030001cafe0102001600000000000002fdd0a40b8f9b8fe779f8e3c84d9df028d46b7ec2d4",
     ]
    `);
  });

  it.each<[CipherName, string, UnitSender]>([
    ['aes-256-gcm', 'with', withGso],
    ['chacha20-poly1305', 'with', withGso],
    ['aes-256-gcm', 'without', withoutGso],
    ['chacha20-poly1305', 'without', withoutGso],
  ])('equals and is opened by the reference codec: %s, %s GSO', (cipher, _gso, sender) => {
    const key = rekey(cipher);
    let counter = 0;
    const units = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.constantFrom(TYPE_DATA, TYPE_CONTROL, TYPE_PROBE)),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    const mtu = fc.constantFrom(1280, 1500, 9000, 1281, 1283);
    fc.assert(
      fc.property(units, mtu, (plains, mtuBytes) => {
        peers.setPath(peer, far.address, mtuBytes);
        const fragmentBytes = peers.fragmentBytes[peer]!;
        const expected: string[] = [];
        for (const [length, type] of plains) {
          const plain = patternBytes(length, counter);
          expect(queue(sender, plain, type)).toBe(true);
          expected.push(...sealUnit(key, counter, plain, { type, lane: LANE, fragmentBytes }).map(hexOf));
          counter++;
        }
        sender.flush();
        const datagrams = arrived(expected.length);
        expect(datagrams.map(hexOf)).toEqual(expected);
        expect(openUnits(key, datagrams)).toHaveLength(plains.length);
        for (const datagram of datagrams) expect(datagram.length + 28).toBeLessThanOrEqual(mtuBytes);
      }),
      { numRuns: 12 },
    );
  });

  it.each([1280, 1500, 9000])('may be the largest there is, over a path of %d bytes', (mtuBytes) => {
    const key = rekey('aes-256-gcm');
    peers.setPath(peer, far.address, mtuBytes);
    const plain = patternBytes(MAX_UNIT_BYTES - TAG_BYTES, 7);
    expect(queue(withGso, plain)).toBe(true);
    withGso.flush();
    const fragments = Math.ceil(MAX_UNIT_BYTES / peers.fragmentBytes[peer]!);
    const [unit] = openUnits(key, arrived(fragments));
    expect(Buffer.compare(unit!.plain, plain)).toBe(0);
    expect(counters.drops[DROP.sendFailed]).toBe(0);
  });

  it('is sent as one datagram by closeWhole, also beyond the path MTU', () => {
    const key = rekey('aes-256-gcm');
    for (const length of [40, 4000, 1, 65_000, 40]) {
      const slot = withGso.take(peer);
      arena.u8.set(patternBytes(length, length), withGso.unitAt(slot));
      expect(withGso.closeWhole(slot, length, TYPE_PROBE)).toBe(true);
      withGso.flush();
      const [datagram] = arrived(1);
      expect(datagram!.length).toBe(DATAGRAM_HEADER_BYTES + length + TAG_BYTES);
      expect(openUnits(key, [datagram!])[0]!.plain).toEqual(patternBytes(length, length));
    }
  });

  it('has a counter of 48 bits', () => {
    rekey('chacha20-poly1305');
    sessions.nextCounter[1] = 2 ** 47 + 2 ** 33 + 5;
    // The engine that counts by itself would notice the jump: this session gets a key that does not.
    sessions.sealingKeys[1] = { seal: () => undefined, destroy: () => undefined };
    queue(withGso, patternBytes(10, 1));
    withGso.flush();
    expect(readHeader(arrived(1)[0]!).counter).toBe(2 ** 47 + 2 ** 33 + 5);
  });
});

describe('a unit that cannot be sent', () => {
  it('is counted where there is no session or no endpoint, and gives its slot back', () => {
    rekey('aes-256-gcm');
    sessions.remove(LOCAL_INDEX);
    for (let i = 0; i < 3 * UNIT_SLOTS; i++) expect(queue(withGso, patternBytes(10, 1))).toBe(false);
    expect(counters.drops[DROP.noSession]).toBe(3 * UNIT_SLOTS);
    expect(withGso.freeSlots).toBe(UNIT_SLOTS);
  });

  it('is refused when the session is exhausted', () => {
    rekey('aes-256-gcm');
    sessions.nextCounter[1] = REFUSE_AFTER_UNITS;
    expect(queue(withGso, patternBytes(10, 1))).toBe(false);
    expect(counters.drops[DROP.sessionExhausted]).toBe(1);
    expect(sessions.nextCounter[1]).toBe(REFUSE_AFTER_UNITS);
  });

  it('is refused beyond the limits of datagrams and bytes, without using up a counter', () => {
    rekey('aes-256-gcm');
    expect(queue(withGso, new Uint8Array(MAX_UNIT_BYTES - TAG_BYTES + 1))).toBe(false);
    peers.setPath(peer, far.address, 576);
    expect(queue(withGso, new Uint8Array(64 * peers.fragmentBytes[peer]! - TAG_BYTES + 1))).toBe(false);
    expect(counters.drops[DROP.frameTooLarge]).toBe(2);
    expect(sessions.nextCounter[1]).toBe(0);
    expect(queue(withGso, new Uint8Array(64 * peers.fragmentBytes[peer]! - TAG_BYTES))).toBe(true);
    withGso.flush();
    expect(arrived(64)).toHaveLength(64);
  });

  it('is counted when the kernel refuses it, and the next ones are sent', () => {
    const key = rekey('aes-256-gcm');
    // Port 0 is invalid: the kernel refuses the first of two messages of one call.
    const other = '02'.repeat(16) as NodeId;
    const nowhere = peers.indexOf(other);
    peers.setPath(nowhere, { ...far.address, port: 0 }, 1500);
    sessions.install(
      { peer: other, localIndex: 2, remoteIndex: 2, cipher: key.cipher, sendKey: baseKey, receiveKey: baseKey },
      0,
    );
    sessions.activate(2);
    expect(withGso.close(withGso.take(nowhere), 100, TYPE_DATA)).toBe(true);
    expect(queue(withGso, patternBytes(10, 1))).toBe(true);
    withGso.flush();
    expect(openUnits(key, arrived(1))).toHaveLength(1);
    expect(counters.drops[DROP.sendFailed]).toBe(1);
    expect(withGso.freeSlots).toBe(UNIT_SLOTS);
  });
});

describe('a route without UDP GSO', () => {
  /** UDP-Lite is such a way, where the kernel still has it. */
  const IPPROTO_UDPLITE = 136;
  const fd = sysSocket(AF_INET6, SOCK_DGRAM | O_NONBLOCK, IPPROTO_UDPLITE);
  afterAll(() => {
    sysClose(fd);
  });

  (fd >= 0 ? it : it.skip)(
    'costs one unit; from then on datagrams are sent one by one (skipped without UDP-Lite)',
    () => {
      rekey('aes-256-gcm');
      const sender = new UnitSender(arena, fd, peers, sessions, counters, true);
      for (let i = 0; i < 3; i++) {
        queue(sender, patternBytes(4000, i));
        sender.flush();
      }
      expect(counters.drops[DROP.sendFailed]).toBe(1);
      expect(sender.freeSlots).toBe(UNIT_SLOTS);
    },
  );
});

describe('slots', () => {
  it('are UNIT_SLOTS, and are free again after a flush', () => {
    rekey('aes-256-gcm');
    for (let i = 0; i < UNIT_SLOTS; i++) expect(queue(withGso, patternBytes(10, i))).toBe(true);
    expect(withGso.freeSlots).toBe(0);
    // Taking one more sends what is queued.
    expect(queue(withGso, patternBytes(10, 99))).toBe(true);
    expect(arrived(UNIT_SLOTS)).toHaveLength(UNIT_SLOTS);
    withGso.flush();
    expect(arrived(1)).toHaveLength(1);
    expect(withGso.freeSlots).toBe(UNIT_SLOTS);
  });
});
