import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LINK_STATES } from '../../common/api.js';
import { DecodeError } from '../../common/errors.js';
import { encodeMsgpack } from '../../common/codec/msgpack.js';
import { ipFromBytes, ipToBytes, parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { anyText } from '../../test/fuzz/any-text.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { decodeControl, describeControl, encodeControl } from './control-message.js';
import type { ControlMessage } from './control-message.js';
import { RELAY_ANSWERS, RELAY_ENDS } from './relay-messages.js';
import { MAX_UNIT_BYTES } from '../../common/protocol.js';
import { MAX_DIGEST_ENTRIES, MAX_LINKS_PER_MESSAGE, MAX_POD_ADDRESSES, MAX_PODS_PER_MESSAGE } from '../limits.js';

const anyId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as NodeId);
const anyCount = fc.maxSafeNat();
const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map(canonicalAddress);
const anyPods = fc.array(
  fc.record({
    name: anyText(40),
    ips: fc.array(anyAddress, { maxLength: MAX_POD_ADDRESSES }),
  }),
  { maxLength: 20 },
);
const anyChannel = fc.record({
  channel: fc.integer({ min: 1, max: 0xffff_ffff }),
  token: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => new Uint8Array(bytes)),
});
const anyRelayMessage: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ type: fc.constant('relayQuery' as const), target: anyId, mayLink: fc.boolean() }),
  fc.record({
    type: fc.constant('relayOffer' as const),
    target: anyId,
    answer: fc.constantFrom(...RELAY_ANSWERS),
    roundTripUs: fc.nat(),
    via: fc.option(anyId),
  }),
  fc.record({ type: fc.constant('relayOpen' as const), target: anyId, channel: anyChannel }),
  fc.record({
    type: fc.constant('relayOpened' as const),
    peer: anyId,
    channel: anyChannel,
    isComplete: fc.boolean(),
  }),
  fc.record({ type: fc.constant('relayClosed' as const), peer: anyId, reason: fc.constantFrom(...RELAY_ENDS) }),
  fc.record({ type: fc.constant('relayUsed' as const), relay: fc.option(anyId) }),
);
const anyMessage: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({
    type: fc.constant('adverts' as const),
    adverts: fc.array(
      fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => new Uint8Array(bytes)),
      { maxLength: 9 },
    ),
  }),
  fc.record({
    type: fc.constant('digest' as const),
    fromId: anyId,
    toId: fc.option(anyId),
    entries: fc.array(fc.record({ id: anyId, revision: anyCount })),
  }),
  fc.record({ type: fc.constant('pull' as const), ids: fc.array(anyId) }),
  fc.record({
    type: fc.constant('hashes' as const),
    bytes: fc.uint8Array({ minLength: 1024, maxLength: 1024 }).map((bytes) => new Uint8Array(bytes)),
  }),
  fc.record({
    type: fc.constant('buckets' as const),
    buckets: fc.array(fc.nat(127), { maxLength: 128 }),
    entries: fc.array(fc.record({ id: anyId, revision: anyCount })),
  }),
  fc.record({
    type: fc.constant('nodeChanges' as const),
    changes: fc.array(
      fc.record({
        name: anyText(40).filter((name) => name !== ''),
        change: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex')),
      }),
      { maxLength: 32 },
    ),
  }),
  fc.record({
    type: fc.constant('deaths' as const),
    reports: fc.array(
      fc.record({
        node: anyId,
        revision: anyCount,
        observer: anyId,
        signature: fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => new Uint8Array(bytes)),
      }),
      { maxLength: 64 },
    ),
  }),
  anyRelayMessage,
  fc.constant<ControlMessage>({ type: 'goodbye' }),
  fc.constant<ControlMessage>({ type: 'linksQuery' }),
  fc.record({
    type: fc.constant('links' as const),
    links: fc.array(
      fc.record({
        peer: anyId,
        state: fc.constantFrom(...LINK_STATES),
        rttMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
        mtuBytes: fc.nat(65535),
        txBytes: anyCount,
        rxBytes: anyCount,
        cipher: fc.option(fc.constantFrom('aes-256-gcm', 'chacha20-poly1305', 'a cipher to come')),
        isRelayed: fc.boolean(),
      }),
      { maxLength: MAX_LINKS_PER_MESSAGE },
    ),
    pods: fc.option(anyPods.map((list) => ({ list, count: list.length + 5 }))),
  }),
);

describe('control messages', () => {
  it('survive the wire', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(normal(decodeControl(encodeControl(message)))).toEqual(normal(message));
      }),
    );
  });

  it('have the bytes that other nodes expect', () => {
    const id = '00112233445566778899aabbccddeeff' as NodeId;
    const hex = (message: ControlMessage) => Buffer.from(encodeControl(message)).toString('hex');
    expect(hex({ type: 'goodbye' })).toBe('920401');
    expect(hex({ type: 'linksQuery' })).toBe('920501');
    expect(hex({ type: 'pull', ids: [id] })).toBe(`93030191c410${id}`);
    const counts = { txBytes: 0, rxBytes: 1 };
    const link = {
      peer: id,
      state: 'up',
      rttMs: null,
      mtuBytes: 1500,
      ...counts,
      cipher: 'x',
      isRelayed: true,
    } as const;
    const list = [{ name: 'a', ips: [parseIpAddress('10.1.2.3')] }];
    expect(hex({ type: 'links', links: [link], pods: { list, count: 3 } })).toBe(
      `9506019198c410${id}01c0cd05dc0001a178c39192a16191c4040a01020303`,
    );
    const channel = { channel: 7, token: new Uint8Array(8).fill(9) };
    expect(hex({ type: 'relayQuery', target: id, mayLink: true })).toBe(`940d01c410${id}c3`);
    const offer = { type: 'relayOffer', target: id, roundTripUs: 5 } as const;
    expect(hex({ ...offer, answer: 'noRoom', via: null })).toBe(`950e01c410${id}0205`);
    expect(hex({ ...offer, answer: 'noLink', via: id })).toBe(`960e01c410${id}0105c410${id}`);
    expect(hex({ type: 'relayOpen', target: id, channel })).toBe(`950f01c410${id}07c4080909090909090909`);
    expect(hex({ type: 'relayOpened', peer: id, channel, isComplete: false })).toBe(
      `961001c410${id}07c4080909090909090909c2`,
    );
    expect(hex({ type: 'relayClosed', peer: id, reason: 'gone' })).toBe(`941101c410${id}02`);
    expect(hex({ type: 'relayUsed', relay: null })).toBe('931201c0');
    expect(hex({ type: 'digest', fromId: id, toId: null, entries: [{ id, revision: 5 }] })).toBe(
      `950201c410${id}c09192c410${id}05`,
    );
  });

  it('are described in words', () => {
    const [fromId, id] = ['0'.repeat(32) as NodeId, '1'.repeat(32) as NodeId];
    const described = (message: ControlMessage) => describeControl(encodeControl(message));
    expect(described({ type: 'adverts', adverts: [new Uint8Array(3), new Uint8Array(4)] })).toBe('adverts (2)');
    expect(described({ type: 'digest', fromId, toId: null, entries: [{ id, revision: 1 }] })).toBe(
      `digest (1 from ${fromId} to the end)`,
    );
    expect(described({ type: 'pull', ids: [id] })).toBe('pull (1)');
    expect(described({ type: 'goodbye' })).toBe('goodbye');
    expect(described({ type: 'relayClosed', peer: id, reason: 'idle' })).toBe(`relay to ${id} is closed: idle`);
    expect(described({ type: 'links', links: [], pods: null })).toBe('links (0, pods unknown)');
    expect(describeControl(new Uint8Array(9))).toBe('control message of 9 bytes that is not understood');
  });

  it('of an unknown type or version are ignored, and appended fields are accepted', () => {
    expect(decodeControl(encodeMsgpack([99, 1, 'whatever']))).toBeNull();
    expect(decodeControl(encodeMsgpack([4, 2]))).toBeNull();
    expect(decodeControl(encodeMsgpack([4, 1, 'reason']))).toEqual({ type: 'goodbye' });
    expect(decodeControl(encodeMsgpack([3, 1, [], { more: 1 }]))).toEqual({ type: 'pull', ids: [] });
    const id = new Uint8Array(16);
    expect(decodeControl(encodeMsgpack([14, 1, id, 99, 0]))).toMatchObject({
      type: 'relayOffer',
      answer: 'off',
      via: null,
    });
    expect(decodeControl(encodeMsgpack([14, 1, id, 1, 0, 'later']))).toMatchObject({ answer: 'noLink', via: null });
    expect(decodeControl(encodeMsgpack([17, 1, id, 99]))).toMatchObject({ type: 'relayClosed', reason: 'gone' });
    expect(decodeControl(encodeMsgpack([19, 1, id]))).toBeNull();
  });

  it('about links are read without the fields that came later, and with further ones', () => {
    const link = [new Uint8Array(16), 1, null, 1500, 3, 4];
    const expected = { state: 'up', mtuBytes: 1500, txBytes: 3, rxBytes: 4 };
    expect(decodeControl(encodeMsgpack([6, 1, [link]]))).toMatchObject({
      links: [{ ...expected, cipher: null, isRelayed: false }],
      pods: null,
    });
    expect(decodeControl(encodeMsgpack([6, 1, [[...link, 'aes-256-gcm']], [], 0]))).toMatchObject({
      links: [{ ...expected, cipher: 'aes-256-gcm', isRelayed: false }],
    });
    const more = [6, 1, [[...link, 'aes-256-gcm', true, 'more']], [['a/b', [], 'more']], 7, 'more'];
    expect(decodeControl(encodeMsgpack(more))).toMatchObject({
      links: [{ ...expected, cipher: 'aes-256-gcm', isRelayed: true }],
      pods: { list: [{ name: 'a/b', ips: [] }], count: 7 },
    });
  });

  it.each<[string, unknown]>([
    ['no array', { type: 1 }],
    ['no type', []],
    ['a type that is text', ['1', 1]],
    ['a missing field', [3, 1]],
    ['an id of the wrong length', [3, 1, [new Uint8Array(15)]]],
    ['an id that is text', [3, 1, ['0'.repeat(16)]]],
    ['too many ids', [3, 1, Array(MAX_DIGEST_ENTRIES + 1).fill(new Uint8Array(16))]],
    ['an advert that is too long', [1, 1, [new Uint8Array(5000)]]],
    ['a link state that is not one', [6, 1, [[new Uint8Array(16), 9, null, 1500, 0, 0]]]],
    ['a negative round trip', [6, 1, [[new Uint8Array(16), 1, -1, 1500, 0, 0]]]],
    ['a cipher that is no name', [6, 1, [[new Uint8Array(16), 1, null, 1500, 0, 0, 7]]]],
    ['a relayed that is no yes or no', [6, 1, [[new Uint8Array(16), 1, null, 1500, 0, 0, 'x', 1]]]],
    ['a cipher of too long a name', [6, 1, [[new Uint8Array(16), 1, null, 1500, 0, 0, 'x'.repeat(65)]]]],
    ['pods without their count', [6, 1, [], []]],
    ['too many pods', [6, 1, [], Array(MAX_PODS_PER_MESSAGE + 1).fill(['x', []]), 999]],
    ['a pod whose name is no text', [6, 1, [], [[7, []]], 1]],
    ['a pod of too long a name', [6, 1, [], [['x'.repeat(318), []]], 1]],
    ['a pod with an address of 5 bytes', [6, 1, [], [['x', [new Uint8Array(5)]]], 1]],
    ['channel 0', [15, 1, new Uint8Array(16), 0, new Uint8Array(8)]],
    ['a token of 7 bytes', [15, 1, new Uint8Array(16), 1, new Uint8Array(7)]],
    ['a pod with too many addresses', [6, 1, [], [['x', Array(17).fill(new Uint8Array(4))]], 1]],
  ])('with %s are refused', (_what, value) => {
    expect(() => decodeControl(encodeMsgpack(value))).toThrow(DecodeError);
  });

  it('longer than a control unit are refused', () => {
    expect(() => decodeControl(new Uint8Array(MAX_UNIT_BYTES + 1))).toThrow(DecodeError);
  });

  it('never make the decoder throw anything but a decode error', () => {
    const mutated = fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
      const bytes = new Uint8Array(encodeControl(message));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        try {
          decodeControl(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});

/** -0 and Buffer-ness aside. */
function normal(message: ControlMessage | null): unknown {
  return JSON.parse(JSON.stringify(message)) as unknown;
}

function canonicalAddress(text: string): IpAddress {
  return ipFromBytes(ipToBytes(parseIpAddress(text)));
}
