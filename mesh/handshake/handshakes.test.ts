import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { signAdvert } from '../wire/advert.js';
import { ClusterKeys } from '../wire/cluster-keys.js';
import { COOKIE_DATAGRAM_BYTES } from '../wire/cookie-datagram.js';
import type { HandshakeDeps } from './handshake.js';
import { encodeHandshake, readHandshake } from '../wire/handshake-datagram.js';
import { Handshakes } from './handshakes.js';
import type { HandshakeOutcome } from './handshakes.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import {
  HANDSHAKE_LIFETIME_MS,
  MAX_PENDING_RESPONSES,
  OPENING_BYTES,
  SOURCE_BURST,
  UNDER_LOAD_PER_SECOND,
} from '../limits.js';
import { SessionSlots } from './session-slots.js';
import { SeededRandom } from '../testing/seeded-random.js';

const FROM_A = parseSocketAddress('192.0.2.1:6785');
const FROM_B = parseSocketAddress('192.0.2.2:6785');
const KEYS = new ClusterKeys(new Uint8Array(32).fill(1));
const STAMP = { createdAtMs: 1, revision: 1, incarnation: 1 };

class Side {
  readonly identity: NodeIdentity;
  readonly slots: SessionSlots;
  readonly handshakes: Handshakes;
  readonly deps: HandshakeDeps;

  constructor(seed: number, overrides: Partial<HandshakeDeps> = {}) {
    const random = new SeededRandom(seed);
    this.identity = generateIdentity(random);
    const self = { name: `n${seed}`, version: '1', endpoints: [], podCidrs: [] };
    const { bytes } = signAdvert(this.identity, self, STAMP);
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    this.deps = {
      identity: this.identity,
      keys: KEYS,
      random,
      advert: () => bytes,
      ciphers: () => ciphers,
      ...overrides,
    };
    this.slots = new SessionSlots(random);
    this.handshakes = new Handshakes(this.deps, this.slots);
  }

  open(nowMs = 0, wants: (id: string) => boolean = () => true): Uint8Array {
    return this.handshakes.openingFor(this.handshakes.begin(wants, nowMs)!, FROM_B, nowMs)!;
  }
}

function replyOf(outcome: HandshakeOutcome): Uint8Array {
  if (outcome.type === 'reply' || (outcome.type === 'refused' && outcome.reply !== null)) return outcome.reply!;
  throw new TypeError(`no reply but ${JSON.stringify(outcome)}`);
}

describe('handshakes', () => {
  it('give both sides the same session', () => {
    const [a, b] = [new Side(1), new Side(2)];
    const answer = replyOf(b.handshakes.receive(a.open(), FROM_A, 0));
    const answered = a.handshakes.receive(answer, FROM_B, 5);
    if (answered.type !== 'answered') throw new TypeError(answered.type);
    const accepted = b.handshakes.receive(answered.final, FROM_A, 9);
    if (accepted.type !== 'accepted') throw new TypeError(accepted.type);
    expect(answered.advert.id).toBe(b.identity.id);
    expect(accepted.advert.id).toBe(a.identity.id);
    expect(answered.session.sendKey).toEqual(accepted.session.receiveKey);
    expect(answered.session.receiveKey).toEqual(accepted.session.sendKey);
    expect(answered.session.localIndex).toBe(accepted.session.remoteIndex);
    expect(answered.session.remoteIndex).toBe(accepted.session.localIndex);
    expect([answered.session.cipher, accepted.session.cipher]).toEqual(['aes-256-gcm', 'aes-256-gcm']);
    expect(b.handshakes.receive(answered.final, FROM_A, 10)).toEqual({ type: 'repeated', peer: a.identity.id });
  });

  it('answer a message 1 with less than was sent', () => {
    const [a, b] = [new Side(1), new Side(2)];
    const opening = a.open();
    expect(opening).toHaveLength(OPENING_BYTES);
    expect(replyOf(b.handshakes.receive(opening, FROM_A, 0)).length).toBeLessThan(OPENING_BYTES);
  });

  it('answer a repeated message 1 from memory, and later not at all', () => {
    const [a, b] = [new Side(1), new Side(2)];
    const opening = a.open();
    const first = replyOf(b.handshakes.receive(opening, FROM_A, 0));
    expect(replyOf(b.handshakes.receive(opening, FROM_A, 100))).toBe(first);
    b.handshakes.expire(HANDSHAKE_LIFETIME_MS);
    expect(b.slots.count).toBe(0);
    const late = b.handshakes.receive(opening, FROM_A, HANDSHAKE_LIFETIME_MS);
    expect(late).toMatchObject({ type: 'refused', reason: 'replayed', reply: null });
  });

  it('wait on after an answer of somebody else', () => {
    const [a, b, c] = [new Side(1), new Side(2), new Side(3)];
    const opening = a.open(0, (id) => id === b.identity.id);
    const wrong = a.handshakes.receive(replyOf(c.handshakes.receive(opening, FROM_A, 0)), FROM_B, 1);
    expect(wrong).toMatchObject({ type: 'otherPeer', advert: { id: c.identity.id } });
    const right = a.handshakes.receive(replyOf(b.handshakes.receive(opening, FROM_A, 0)), FROM_B, 2);
    expect(right.type).toBe('answered');
  });

  it('are silent to who does not know the secret', () => {
    const stranger = new Side(1, { keys: new ClusterKeys(new Uint8Array(32).fill(2)) });
    expect(new Side(2).handshakes.receive(stranger.open(), FROM_A, 0)).toEqual({
      type: 'refused',
      reason: 'badMac',
      reply: null,
    });
  });

  it('refuse a static key that is not the one in the advert', () => {
    const [a, b, thief] = [new Side(1), new Side(2), new Side(3)];
    const forger = new Side(4, { advert: () => b.deps.advert(), identity: thief.identity });
    const answer = replyOf(forger.handshakes.receive(a.open(), FROM_A, 0));
    expect(a.handshakes.receive(answer, FROM_B, 1)).toMatchObject({ type: 'refused', reason: 'badTag' });
  });

  it('refuse a choice of cipher that the lists do not lead to', () => {
    const b = new Side(2);
    const lists = [['aes-256-gcm'], ['chacha20-poly1305']] as const;
    let call = 0;
    const liar = new Side(1, { ciphers: () => lists[call++ % 2]! });
    const answered = liar.handshakes.receive(replyOf(b.handshakes.receive(liar.open(), FROM_A, 0)), FROM_B, 1);
    if (answered.type !== 'answered') throw new TypeError(answered.type);
    expect(b.handshakes.receive(answered.final, FROM_A, 2)).toMatchObject({ type: 'refused', reason: 'badTag' });
  });

  it('do not answer their own message 1', () => {
    const a = new Side(1);
    expect(a.handshakes.receive(a.open(), FROM_A, 0)).toMatchObject({ reason: 'ownEcho', reply: null });
  });

  it('limit what one source may begin', () => {
    const b = new Side(2);
    const reasons = Array.from(
      { length: SOURCE_BURST + 5 },
      (_, i) => b.handshakes.receive(new Side(10 + i).open(), FROM_A, 0).type,
    );
    expect(reasons.filter((type) => type === 'reply')).toHaveLength(SOURCE_BURST);
    expect(b.handshakes.receive(new Side(99).open(), FROM_B, 0).type).toBe('reply');
    expect(b.handshakes.receive(new Side(98).open(), FROM_A, 1_000).type).toBe('reply');
  });

  it('ask for a cookie under load, and take it only from where it was sent to', () => {
    const b = new Side(2);
    const opening = new Side(7).open();
    const { keys } = b.deps;
    const { noise } = readHandshake(opening)!;
    for (let i = 0; i < UNDER_LOAD_PER_SECOND; i++) {
      const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: i, noise }, keys);
      b.handshakes.receive(bytes, parseSocketAddress(`10.0.0.${i}:1`), 0);
    }
    const a = new Side(1);
    const index = a.handshakes.begin(() => true, 0)!;
    const plain = a.handshakes.openingFor(index, FROM_B, 0)!;
    const loaded = b.handshakes.receive(plain, FROM_A, 0);
    expect(loaded).toMatchObject({ type: 'refused', reason: 'underLoad' });
    const cookie = replyOf(loaded);
    expect(cookie).toHaveLength(COOKIE_DATAGRAM_BYTES);
    expect(a.handshakes.receive(new Uint8Array(cookie).fill(0, 16, 20), FROM_B, 1)).toMatchObject({ reason: 'badMac' });
    const again = replyOf(a.handshakes.receive(cookie, FROM_B, 1));
    expect(a.handshakes.openingFor(index, FROM_B, 2)).toEqual(again);
    expect(b.handshakes.receive(again, parseSocketAddress('192.0.2.9:6785'), 1)).toMatchObject({ reason: 'underLoad' });
    expect(b.handshakes.receive(again, FROM_A, 1).type).toBe('reply');
    expect(b.handshakes.receive(new Side(8).open(), FROM_A, 1_500).type).toBe('reply');
  });

  it('keep a bounded number that wait for message 3', () => {
    const b = new Side(2);
    const opening = new Side(1).open();
    const { noise } = readHandshake(opening)!;
    for (let i = 0; i < MAX_PENDING_RESPONSES + 10; i++) {
      const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: i, noise }, KEYS);
      b.handshakes.receive(bytes, parseSocketAddress(`10.0.${i >> 8}.${i & 255}:1`), i * 25);
    }
    expect(b.handshakes.pendingCount).toBe(MAX_PENDING_RESPONSES);
    expect(b.slots.count).toBe(MAX_PENDING_RESPONSES);
    b.handshakes.clear();
    expect(b.slots.count).toBe(0);
  });
});
